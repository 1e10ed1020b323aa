/**
 * A session from the rows that its traces contribute: the one rule for the list, the detail and every answer that names a session.
 * Source: session-traces.md section 3 and 1.14, 1.5.
 */
import { unitsToUsd } from "@nonet/processor/fold/cost.ts";
import { sumNumbers, sumUnits } from "@nonet/processor/fold/turn-usage.ts";
import type { JsonObject } from "@nonet/proto/json.ts";
import type { SessionPart } from "@nonet/proto/tables.ts";
import type { SessionPartRow, StoredSession } from "../store/session-rows.ts";
import { toMs, toTimestamp } from "./numbers.ts";
import { type SessionStatus, sessionStatusOf } from "./session-status.ts";
import { compareNano, compareTurnParts, type RankedTurnPart } from "./turn-rank.ts";

export interface Session {
  id: string;
  projectId: string;
  idReported: boolean;
  revision: number;
  status: SessionStatus;
  agent: string | null;
  agents: string[];
  environment: string | null;
  channel: string | null;
  userId: string | null;
  startedAt: string;
  lastActivityAt: string;
  durationMs: number;
  turnCount: number;
  messageCount: number;
  traceCount: number;
  eventCount: number;
  llmCallCount: number;
  toolCallCount: number;
  handoffCount: number;
  guardrailCount: number;
  errorCount: number;
  tokens: { input: number | null; output: number | null; total: number | null };
  cost: { amount: number | null; currency: "USD"; unpricedCalls: number };
  models: string[];
  tags: string[];
  metadata: JsonObject;
}

export interface Turn {
  turnId: string;
  runId: string | null;
  index: number;
  traceId: string;
  rootSpanId: string | null;
  startTime: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string | null;
  latencyMs: number | null;
  extentMs: number;
  status: "ok" | "error" | "running";
  eventCount: number;
}

const turnsMax = 1000;
const tagsMax = 50;
const metadataKeysMax = 100;
/** Members that a trace sets for its own list (tenant-traces.md 5.9), not the sender's metadata. */
const ownMetadataKeys: ReadonlySet<string> = new Set(["session_id", "user_id"]);

/** @param context.nowMs  the server's clock; only the status depends on it. */
export function toSession(
  stored: StoredSession,
  context: { readonly projectId: string; readonly nowMs: number },
): Session {
  const rows = stored.parts;
  const parts = rows.map((row) => row.part);
  const { startUnixNano, endUnixNano } = boundsOf(rows);
  const turns = rankedTurns(rows);
  const sum = (count: (part: SessionPart) => number): number => parts.reduce((total, part) => total + count(part), 0);
  const agents = firstAppearances(parts.map((part) => part.agents));
  const costUnits = sumUnits(turns.map(({ turn }) => (turn.costUnits === null ? null : BigInt(turn.costUnits))));
  return {
    id: stored.sessionId,
    projectId: context.projectId,
    idReported: rows.some((row) => row.idReported),
    revision: stored.revision,
    status: sessionStatusOf(
      {
        stated: latest(parts.map((part) => part.sessionStatus))?.status ?? null,
        lastHandoffEscalates: latest(parts.map((part) => part.lastHandoff))?.escalation ?? false,
        lastTurnStatus: turns.at(-1)?.turn.status ?? null,
        lastTurnAnswered: turns.at(-1)?.turn.hasResponse ?? false,
        lastActivityUnixNano: endUnixNano,
      },
      context.nowMs,
    ),
    agent: agents[0] ?? null,
    agents,
    environment: firstPresent(parts.map((part) => part.environment)),
    channel: firstPresent(parts.map((part) => part.channel)),
    userId: firstPresent(parts.map((part) => part.userId)),
    startedAt: toTimestamp(startUnixNano),
    lastActivityAt: toTimestamp(endUnixNano),
    durationMs: toMs(endUnixNano - startUnixNano),
    turnCount: turns.length,
    messageCount: turns.length + sum((part) => part.responseCount),
    traceCount: new Set(rows.map((row) => row.traceId)).size,
    eventCount: sum((part) => part.eventCount),
    llmCallCount: sum((part) => part.llmCallCount),
    toolCallCount: sum((part) => part.toolCallCount),
    handoffCount: sum((part) => part.handoffCount),
    guardrailCount: sum((part) => part.guardrailCount),
    errorCount: sum((part) => part.errorCount),
    tokens: {
      input: sumNumbers(turns.map(({ turn }) => turn.tokens.input)),
      output: sumNumbers(turns.map(({ turn }) => turn.tokens.output)),
      total: sumNumbers(turns.map(({ turn }) => turn.tokens.total)),
    },
    cost: {
      amount: costUnits === null ? null : unitsToUsd(costUnits),
      currency: "USD",
      unpricedCalls: sum((part) => part.unpricedCalls),
    },
    models: firstAppearances(parts.map((part) => part.models)),
    tags: [...new Set(parts.flatMap((part) => part.tags))].slice(0, tagsMax),
    metadata: mergedMetadata(parts),
  };
}

/** The turns of a session in their order; `truncated` when there are more than the first 1,000. */
export function toTurns(stored: StoredSession): { turns: Turn[]; truncated: boolean } {
  const ranked = rankedTurns(stored.parts);
  return { turns: ranked.slice(0, turnsMax).map(toTurn), truncated: ranked.length > turnsMax };
}

export function boundsOf(rows: readonly SessionPartRow[]): { startUnixNano: bigint; endUnixNano: bigint } {
  let startUnixNano = rows[0]?.startUnixNano ?? 0n;
  let endUnixNano = startUnixNano;
  for (const row of rows) {
    if (row.startUnixNano < startUnixNano) startUnixNano = row.startUnixNano;
    if (row.endUnixNano > endUnixNano) endUnixNano = row.endUnixNano;
  }
  return { startUnixNano, endUnixNano };
}

/** The turns of all parts in the order of the session: the place in it is the index of a turn. */
export function rankedTurns(rows: readonly SessionPartRow[]): RankedTurnPart[] {
  return rows.flatMap((row) => row.part.turns.map((turn) => ({ turn, traceId: row.traceId }))).sort(compareTurnParts);
}

function toTurn({ turn, traceId }: RankedTurnPart, index: number): Turn {
  const start = BigInt(turn.startUnixNano);
  const end = turn.endUnixNano === null ? null : BigInt(turn.endUnixNano);
  return {
    turnId: turn.turnId,
    runId: turn.runId,
    index,
    traceId,
    rootSpanId: turn.rootSpanId,
    startTime: toTimestamp(start),
    startTimeUnixNano: turn.startUnixNano,
    endTimeUnixNano: turn.endUnixNano,
    latencyMs: end === null ? null : toMs(end - start),
    extentMs: toMs(BigInt(turn.extentEndUnixNano) - BigInt(turn.extentStartUnixNano)),
    status: turn.status,
    eventCount: turn.eventCount,
  };
}

/** Names by their first appearance over all traces; traces come in span order, which decides between equal times. */
function firstAppearances(lists: readonly (readonly { name: string; atUnixNano: string }[])[]): string[] {
  const all = lists.flat().sort((a, b) => compareNano(a.atUnixNano, b.atUnixNano));
  return [...new Set(all.map((entry) => entry.name))];
}

/** The last by time, of equal times the one of the later trace. */
function latest<T extends { readonly atUnixNano: string }>(items: readonly (T | null)[]): T | undefined {
  let last: T | undefined;
  for (const item of items) {
    if (item !== null && (last === undefined || compareNano(item.atUnixNano, last.atUnixNano) >= 0)) last = item;
  }
  return last;
}

function firstPresent(values: readonly (string | null)[]): string | null {
  return values.find((value) => value !== null) ?? null;
}

function mergedMetadata(parts: readonly SessionPart[]): JsonObject {
  const merged: JsonObject = Object.create(null);
  let count = 0;
  for (const part of parts) {
    for (const [key, value] of Object.entries(part.metadata)) {
      if (ownMetadataKeys.has(key) || Object.hasOwn(merged, key) || count >= metadataKeysMax) continue;
      merged[key] = value;
      count += 1;
    }
  }
  return merged;
}
