/**
 * Sends what is held in the quarantine through the log again, when somebody asked for it: after a fix of ours, or of a limit. Spans are
 * decoded, checked, masked and mapped as if they came anew; a dead letter of the log is published as the record it was.
 *
 * At least once: a crash between the log's acknowledgement and the note of it sends an entry twice, which changes nothing (law 3).
 */
import { setTimeout as delay } from "node:timers/promises";
import type { QuarantinedWithBytes, QuarantineStore } from "@nonet/proto/control/quarantine.ts";
import { isPipelineError, PipelineError } from "@nonet/proto/errors.ts";
import { type DoorEncoding, decodeExport } from "../kafka-door/decode-export.ts";
import type { AcceptedSpans } from "../publish/accept-spans.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { AcceptedRequest, Sender } from "../receive/receive-export.ts";

export interface QuarantineReplayDeps {
  readonly store: Pick<QuarantineStore, "claimReplays" | "finishReplay">;
  /** Undefined when the project is gone. */
  tenantOf(projectId: string): Promise<string | undefined>;
  acceptSpans(sender: Sender, request: AcceptedRequest): Promise<AcceptedSpans>;
  readonly publisher: Pick<Publisher, "publish">;
  /** At each failure after a success: the log or the control database is away, and it goes on by itself. */
  onError(error: PipelineError): void;
}

export interface QuarantineReplay {
  /** Ends after the running entry; safe to call twice. */
  close(): Promise<void>;
}

const pollMs = 1_000;
const claimCountMax = 50;

export function startQuarantineReplay(deps: QuarantineReplayDeps): QuarantineReplay {
  const stop = new AbortController();
  let failing = false;

  async function replayClaimed(): Promise<void> {
    const claimed = await deps.store.claimReplays(claimCountMax);
    for (const entry of claimed) {
      if (stop.signal.aborted) return;
      await deps.store.finishReplay(entry.id, await replayEntry(entry, deps));
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await replayClaimed();
        failing = false;
      } catch (caught) {
        // What was claimed comes again when its claim has run out.
        if (!failing) deps.onError(PipelineError.from(caught));
        failing = true;
      }
      await delay(pollMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async close() {
      stop.abort();
      await running;
    },
  };
}

/**
 * @returns empty when the log took it, else why not.
 * @throws PipelineError that a retry can cure.
 */
export async function replayEntry(
  entry: QuarantinedWithBytes,
  deps: Pick<QuarantineReplayDeps, "tenantOf" | "acceptSpans" | "publisher">,
): Promise<string> {
  const tenantId = await deps.tenantOf(entry.projectId);
  if (tenantId === undefined) return "the project does not exist";
  try {
    switch (entry.form) {
      case "agent_record":
        await deps.publisher.publish([{ key: entry.key, value: entry.bytes }]);
        return "";
      case "otlp_request":
      case "unreadable_proto":
        return await replayRequest({ tenantId, projectId: entry.projectId }, entry.bytes, "otlp_proto");
      case "unreadable_json":
        return await replayRequest({ tenantId, projectId: entry.projectId }, entry.bytes, "otlp_json");
      default:
        return entry.form satisfies never;
    }
  } catch (caught) {
    if (isPipelineError(caught) && !caught.retryable) return caught.message;
    throw caught;
  }

  async function replayRequest(sender: Sender, bytes: Uint8Array, encoding: DoorEncoding): Promise<string> {
    const walked = await decodeExport(bytes, encoding);
    if (walked.outcome !== "walked") return `cannot be decoded: ${walked.reason} ${walked.path}`.trimEnd();
    // Nothing is stored of what is still refused in part: it stays one entry, and a later replay repeats no harm.
    const [rejected] = walked.groups.flatMap((group) => group.rejected);
    if (rejected !== undefined) return `still rejected: ${rejected.reason}`;
    const outcome = await deps.acceptSpans(sender, walked);
    return outcome.refused[0]?.reason ?? "";
  }
}
