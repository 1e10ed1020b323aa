/**
 * Whether two reports tell of one model call, and which of them is the copy. Source: contracts/README.md ruling 10.
 *
 * They do when they have the same response id, or come from different instrumentation scopes with the same model at overlapping times and the
 * same counts or output. Calls that really run side by side, as a fan-out or best-of-n does, have response ids of their own, or come from one
 * scope; of n equal calls each is paired with one copy per scope at most.
 */
import type { LlmCallEvent } from "@nonet/proto/event.ts";

/** Reports with the same key that are compared; larger groups are left alone. */
const groupSizeMax = 1_000;

/** What a call says that tells it from others. */
export type CallIdentity = Pick<LlmCallEvent, "requestModel" | "responseModel" | "responseId">;

export type CallFields = Omit<Partial<LlmCallEvent>, "eventType">;

export interface ReportedCall {
  /** Unique among what is compared; of equally rich reports the one that sorts first by (start, this) is the original. */
  readonly key: string;
  readonly scopeName: string;
  /** Class of the span: calls of different kinds are never one. */
  readonly kind: string;
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  readonly fields: CallIdentity;
  /** Of several reports of a call the richest is the original (`richnessOf`). */
  readonly richness: number;
}

export interface CallPair<Call extends ReportedCall> {
  readonly copy: Call;
  readonly original: Call;
}

/** Puts those with the same key into one group; groups of one and those too large to compare are left out. */
export function groupCalls<Call extends ReportedCall>(
  calls: readonly Call[],
  keyOf: (call: Call) => string | undefined,
): Call[][] {
  const groups = new Map<string, Call[]>();
  for (const call of calls) {
    const key = keyOf(call);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [call]);
    else group.push(call);
  }
  return [...groups.values()].filter((group) => group.length > 1 && group.length <= groupSizeMax);
}

/** Pairs the poorest first with the richest that it may repeat; an original takes one copy per scope, and is no copy itself. */
export function pairCalls<Call extends ReportedCall>(
  group: readonly Call[],
  isSame: (a: Call, b: Call) => boolean,
): CallPair<Call>[] {
  const ranked = [...group].sort(byRichness);
  const taken = new Set<string>();
  const pairs: CallPair<Call>[] = [];
  for (let index = ranked.length - 1; index > 0; index--) {
    const copy = ranked[index];
    if (copy === undefined || taken.has(copy.key)) continue;
    for (const original of ranked.slice(0, index)) {
      const scopeKey = `${original.key} ${copy.scopeName}`;
      if (original.kind !== copy.kind || taken.has(scopeKey) || !isSame(original, copy)) continue;
      pairs.push({ copy, original });
      taken.add(scopeKey);
      taken.add(original.key);
      break;
    }
  }
  return pairs;
}

export function overlap(a: ReportedCall, b: ReportedCall): boolean {
  return a.startUnixNano < endOf(b) && b.startUnixNano < endOf(a);
}

export function shareModel(a: ReportedCall, b: ReportedCall): boolean {
  const models = [a.fields.requestModel, a.fields.responseModel].filter((model) => model !== undefined);
  return models.some((model) => model === b.fields.requestModel || model === b.fields.responseModel);
}

/** Both say what the response was, and it was not the same. */
export function haveOtherResponses(a: ReportedCall, b: ReportedCall): boolean {
  const { responseId } = a.fields;
  return responseId !== undefined && b.fields.responseId !== undefined && responseId !== b.fields.responseId;
}

function endOf({ startUnixNano, endUnixNano }: ReportedCall): bigint {
  return endUnixNano > startUnixNano ? endUnixNano : startUnixNano + 1n;
}

/**
 * How much a report says: what is counted first, then where it belongs, then content, then details.
 *
 * @param isPartOfWork  the call is part of an agent's work: of two reports with counts this one is the original.
 */
export function richnessOf(fields: CallFields, isPartOfWork: boolean): number {
  let richness = 0;
  if (fields.inputTokens !== undefined) richness += 8000;
  if (fields.outputTokens !== undefined) richness += 8000;
  if (isPartOfWork) richness += 4000;
  if (fields.outputMessages !== undefined) richness += 2000;
  if (fields.inputMessages !== undefined) richness += 1000;
  for (const field of details) if (fields[field] !== undefined) richness += 1;
  return richness;
}

/** Of the call itself: what its event has from elsewhere, as session and agent, says nothing about the report. */
const details = [
  "endTimeUnixNano",
  "status",
  "provider",
  "requestModel",
  "responseModel",
  "responseId",
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "cachedInputTokens",
  "cacheWriteInputTokens",
  "reasoningTokens",
  "usagePartial",
  "cost",
  "params",
  "inputMessages",
  "outputMessages",
  "toolDefinitions",
  "finishReasons",
  "ttftMs",
  "streaming",
  "promptName",
  "promptVersion",
] as const satisfies readonly (keyof CallFields)[];

function byRichness(a: ReportedCall, b: ReportedCall): number {
  if (a.richness !== b.richness) return b.richness - a.richness;
  if (a.startUnixNano !== b.startUnixNano) return a.startUnixNano < b.startUnixNano ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}
