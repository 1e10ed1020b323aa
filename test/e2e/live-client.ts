/** A client of the live streams, as the HTML standard has it (9.2), that checks every event against its documented schema. */
import { projectEventSchema, sessionEventSchema } from "@nonet/query-api/live/event-schemas.ts";
import { eventually } from "./service-process.ts";

export interface LiveNode {
  readonly nodeId: string;
  readonly parentNodeId: string | null;
  readonly turnId: string | null;
  readonly index: number;
  readonly kind: string;
}

/** What the events have, all in one: their schemas say which has what. */
export interface LiveData {
  readonly serverTime: string;
  readonly reason?: string;
  readonly sessionId?: string;
  readonly session?: { readonly id: string; readonly eventCount: number } | null;
  readonly running?: { readonly startedAt: string; readonly stuck: boolean } | null;
  readonly turns?: readonly { readonly turnId: string }[];
  readonly nodes?: readonly LiveNode[];
  readonly changed?: readonly LiveNode[];
  readonly removed?: readonly string[];
}

export interface LiveEvent {
  readonly event: string;
  readonly id?: string;
  readonly data: LiveData;
  /** Of `performance.now()`. */
  readonly atMs: number;
}

export interface LiveClient {
  readonly status: number;
  readonly headers: Headers;
  /** All so far. */
  readonly events: readonly LiveEvent[];
  readonly comments: () => number;
  readonly retryMs: () => number | undefined;
  readonly lastEventId: () => string | undefined;
  /** The first event from `start` on that is wanted. */
  next(wanted: (event: LiveEvent) => boolean, options?: { start?: number; withinMs?: number }): Promise<LiveEvent>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

export async function openLive(
  url: string,
  token: string,
  options: { lastEventId?: string; headers?: Record<string, string> } = {},
): Promise<LiveClient> {
  const stop = new AbortController();
  const response = await fetch(url, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(options.lastEventId === undefined ? {} : { "last-event-id": options.lastEventId }),
      ...options.headers,
    },
    signal: stop.signal,
  });
  const events: LiveEvent[] = [];
  const check = url.includes("/sessions/") ? sessionEventSchema.safeParse : projectEventSchema.safeParse;
  let [comments, retryMs, lastEventId] = [0, undefined as number | undefined, options.lastEventId];

  function take(block: string): void {
    const fields = block.split("\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")] as const;
    });
    comments += fields.filter(([name]) => name === "").length;
    const field = (name: string) => fields.find(([own]) => own === name)?.[1];
    const retry = field("retry");
    if (retry !== undefined) retryMs = Number(retry);
    const [event, id, data] = [field("event"), field("id"), field("data")];
    if (id !== undefined) lastEventId = id;
    if (event === undefined || data === undefined) return;
    const checked = check({ event, ...(id === undefined ? {} : { id }), data: JSON.parse(data) });
    if (!checked.success) throw new Error(`${event} is not as documented: ${checked.error.message} ${data}`);
    // `as`: the interface has no member that the schemas do not have.
    events.push({ ...(checked.data as Omit<LiveEvent, "atMs">), atMs: performance.now() });
  }

  let failure: unknown;
  const ended = (async () => {
    if (response.body === null || !response.ok) return;
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of response.body) {
        rest += decoder.decode(chunk, { stream: true });
        const blocks = rest.split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) take(block);
      }
    } catch (caught) {
      if (!stop.signal.aborted) failure = caught;
    }
  })();

  return {
    status: response.status,
    headers: response.headers,
    events,
    comments: () => comments,
    retryMs: () => retryMs,
    lastEventId: () => lastEventId,
    ended,
    next: (wanted, { start = 0, withinMs = 10_000 } = {}) =>
      eventually(
        () => {
          if (failure !== undefined) throw failure;
          return events.slice(start).find(wanted);
        },
        { withinMs, what: `an event after ${JSON.stringify(events.map((event) => event.event))}`, everyMs: 5 },
      ),
    close: () => stop.abort(),
  };
}

export interface ShownSession {
  readonly nodes: ReadonlyMap<string, LiveNode>;
  readonly turns: readonly { readonly turnId: string }[];
}

/** What a client shows of a session after these events. */
export function showSession(events: readonly LiveEvent[]): ShownSession {
  let nodes = new Map<string, LiveNode>();
  let turns: ShownSession["turns"] = [];
  for (const { event, data } of events) {
    if (event === "snapshot") nodes = new Map(data.nodes?.map((node) => [node.nodeId, node]));
    for (const node of data.changed ?? []) nodes.set(node.nodeId, node);
    for (const nodeId of data.removed ?? []) nodes.delete(nodeId);
    turns = data.turns ?? turns;
  }
  return { nodes, turns };
}

/** The same as `view=tree&structure=all` has it: turns with their nodes, nested. Placeholders have no place there; what is under them is on top. */
export function toTree(shown: ShownSession): unknown[] {
  const byParent = Map.groupBy(shown.nodes.values(), (node) => node.parentNodeId);
  const sorted = (nodes: readonly LiveNode[]): LiveNode[] => nodes.toSorted((a, b) => a.index - b.index);
  const nest = (node: LiveNode): unknown => {
    const { nodeId, parentNodeId: _parent, turnId: _turn, index: _index, ...members } = node;
    return { ...members, children: sorted(byParent.get(nodeId) ?? []).map(nest) };
  };
  const isTop = (node: LiveNode): boolean =>
    node.kind !== "placeholder" &&
    (node.parentNodeId === null || shown.nodes.get(node.parentNodeId)?.kind === "placeholder");
  const tops = Map.groupBy([...shown.nodes.values()].filter(isTop), (node) => node.turnId);
  return shown.turns.map((turn) => ({ turn, nodes: sorted(tops.get(turn.turnId) ?? []).map(nest) }));
}
