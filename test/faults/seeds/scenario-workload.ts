/** The spans of the scenarios: the canonical workload, and beside it those whose times nobody would believe. */
import { createWorkload, encodeRequest } from "../../bench/workload.ts";
import { createRandom } from "./random.ts";
import type { Scenario } from "./scenario.ts";

export const scenarioSpans = 1_800;
const startMs = Date.UTC(2026, 4, 4, 9);
export const range = { from: "2026-05-04T09:00:00Z", to: "2026-05-04T10:00:00Z" };

export interface ScenarioWorkload {
  readonly traceCount: number;
  readonly spanCount: number;
  /** Every span at least once. */
  readonly bodies: readonly Uint8Array[];
}

export function createScenarioWorkload(workload: number, spansPerRequest: number): ScenarioWorkload {
  const canonical = createWorkload({ seed: 100 + workload, spanCount: scenarioSpans, startMs });
  const odd = oddSpans(workload);
  return {
    traceCount: canonical.traceIds.length + odd.traceCount,
    spanCount: canonical.spanCount + odd.spans.length,
    bodies: [...canonical.requests(spansPerRequest), ...odd.spans.map((span) => encodeRequest([span]))],
  };
}

/** How a scenario sends them: some twice, and in which order. */
export function toSendOrder(scenario: Scenario, bodies: readonly Uint8Array[]): Uint8Array[] {
  const random = createRandom(scenario.seed + 1_000_000);
  const again = bodies.filter(() => random.next() < scenario.duplicateShare);
  // A repeat comes late: what it repeats is stored, or is just being stored.
  return scenario.isShuffled ? random.shuffle([...bodies, ...again]) : [...bodies, ...again];
}

/** Clocks that jump: the year 1970, a year ahead, an end before its start, a child long before its parent, a trace over days. */
function oddSpans(workload: number): { traceCount: number; spans: object[] } {
  const day = 86_400_000;
  const times: readonly (readonly [fromMs: number, toMs: number])[] = [
    [1, 2],
    [startMs + 365 * day, startMs + 365 * day + 1_000],
    [startMs + 5_000, startMs + 1_000],
    [startMs, startMs + 3 * day],
    [startMs - 2 * day, startMs - 2 * day + 50],
    [startMs + 1_000, 0],
  ];
  const spans: object[] = [];
  const traceCount = 5;
  for (let trace = 0; trace < traceCount; trace += 1) {
    const traceId = Buffer.alloc(16, 0xa0 + workload);
    traceId.writeUInt32BE(trace + 1, 0);
    times.forEach(([fromMs, toMs], index) => {
      const spanId = Buffer.alloc(8, index + 1);
      spans.push({
        traceId,
        spanId,
        ...(index === 0 ? {} : { parentSpanId: Buffer.alloc(8, ((index + trace) % index) + 1) }),
        name: index % 2 === 0 ? "chat gpt-4o" : "execute_tool lookup",
        kind: 1,
        startTimeUnixNano: `${BigInt(fromMs) * 1_000_000n}`,
        endTimeUnixNano: `${BigInt(toMs) * 1_000_000n}`,
        attributes: attributesOf(index, `odd-${workload}-${trace % 2}`),
      });
    });
  }
  return { traceCount, spans };
}

function attributesOf(index: number, sessionId: string): object[] {
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const own =
    index % 2 === 0
      ? [text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "gpt-4o")]
      : [text("gen_ai.operation.name", "execute_tool"), text("gen_ai.tool.name", "lookup")];
  // Only one span of a trace says which session it is.
  return index === 3 ? [...own, text("session.id", sessionId)] : own;
}
