/** What mapping some spans again tells that is stored nowhere: what nobody reads, which limits cut, whether calls carry their content. */
import { explainSpan } from "@nonet/ingest/map/explain-span.ts";
import type { LimitName } from "@nonet/ingest/map/limits.ts";
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import { cutChars } from "@nonet/ingest/map/sanitise.ts";
import { createStoredSpanReader } from "@nonet/proto/stored-span.ts";
import type { SampledSpanRow } from "./query.ts";

export interface ScopeSample {
  spans: number;
  /** Of them, spans whose times no clock can have meant. */
  clockSkew: number;
  /** Spans that lost attributes or events in the sender. */
  sourceDropped: number;
  modelCalls: number;
  /** Of them, calls without any message. */
  callsWithoutContent: number;
  /** Spans that a limit of the mapping cut something of, by limit. */
  readonly limits: Map<LimitName, number>;
  /** Spans by attribute that nothing was read from. */
  readonly unreadAttributes: Map<string, number>;
}

/** What an answer shows of a name. */
const keyCharsMax = 256;
/** Parts of names that only count or name things, so that `llm.input_messages.0.x` and `.1.x` are one. */
const indexPart = /\.\d+(?=\.|$)/g;

/** @returns by `scope` of the rows. */
export function readSamples(rows: readonly SampledSpanRow[]): Map<string, ScopeSample> {
  const read = createStoredSpanReader();
  const samples = new Map<string, ScopeSample>();
  for (const row of rows) {
    const sample = samples.get(row.scope) ?? emptySample();
    samples.set(row.scope, sample);
    const span = read(row);
    const limits = new Set<LimitName>();
    const mapped = mapSpan(span, { onLimit: (limit) => limits.add(limit) });
    sample.spans += 1;
    if (mapped.flags.includes("clock_skew")) sample.clockSkew += 1;
    if (mapped.flags.includes("source_dropped")) sample.sourceDropped += 1;
    for (const limit of limits) count(sample.limits, limit);
    for (const draft of mapped.drafts) {
      if (draft.eventType !== "llm_call") continue;
      sample.modelCalls += 1;
      const messages = (draft.inputMessages?.length ?? 0) + (draft.outputMessages?.length ?? 0);
      if (messages === 0 && !isWithoutMessages(draft.operation)) sample.callsWithoutContent += 1;
    }
    const unread = explainSpan(span).unreadAttributes.map((key) =>
      cutChars(key, keyCharsMax).replaceAll(indexPart, ".*"),
    );
    for (const key of new Set(unread)) count(sample.unreadAttributes, key);
  }
  return samples;
}

function isWithoutMessages(operation: string): boolean {
  return operation === "embeddings" || operation === "rerank";
}

function emptySample(): ScopeSample {
  return {
    spans: 0,
    clockSkew: 0,
    sourceDropped: 0,
    modelCalls: 0,
    callsWithoutContent: 0,
    limits: new Map(),
    unreadAttributes: new Map(),
  };
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
