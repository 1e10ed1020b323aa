/** Golden vectors of the specification, as far as Stage A alone decides them; `processor/src/fold` checks them whole. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { mapSpan } from "./map-span.ts";
import type { EventDraft } from "./mapped-span.ts";
import { norm } from "./read-agent.ts";
import { spansOfJson } from "./testdata/load-spans.ts";

const vectorsUrl = new URL("../../../docs/spec/vectors/", import.meta.url);

/** Fields that other spans decide, or that are not part of a draft. */
const stageB = new Set([
  "eventId",
  "eventType",
  "spanId",
  "parentSpanId",
  "traceId",
  "sessionId",
  "sessionIdSource",
  "userId",
  "turnId",
  "runId",
  "agentName",
  "agentId",
  "flags",
  "tags",
  "metadata",
  "scopeName",
  "serviceName",
  "environment",
  "propagated",
  "originSpanId",
]);

interface Vector {
  readonly resourceSpans: unknown;
  readonly expected: readonly Record<string, unknown>[];
}

/** Differences that Stage B makes on purpose: what it takes from wrappers, inner spans, parents and agents. */
function isStageBs(expected: Record<string, unknown>, field: string, actual: unknown): boolean {
  // A model call may take its model, and with it its name, from a wrapper or a turn above.
  if (expected["eventType"] === "llm_call")
    return actual === undefined || (field === "name" && expected["requestModel"] === undefined);
  if (expected["decisionKind"] === "tool_selection") return actual === undefined || field === "name";
  if (expected["eventType"] === "tool_call" || expected["eventType"] === "tool_result") {
    return actual === undefined || field === "isError" || field === "status";
  }
  if (field === "name" || field === "fromAgent" || field === "callId") return true;
  return field === "toAgent" && typeof actual === "string" && norm(actual) === norm(String(expected["toAgent"]));
}

function mismatch(expected: unknown, actual: unknown, path: string): string | undefined {
  if (expected === null)
    return actual === undefined || actual === null
      ? undefined
      : `${path}: expected nothing, got ${JSON.stringify(actual)}`;
  if (typeof expected === "number" && typeof actual === "number") {
    return Math.abs(expected - actual) <= 1e-6 * Math.max(1, Math.abs(expected))
      ? undefined
      : `${path}: ${expected} is not ${actual}`;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length)
      return `${path}: ${JSON.stringify(expected)} is not ${JSON.stringify(actual)}`;
    return expected
      .map((item, index) => mismatch(item, actual[index], `${path}[${index}]`))
      .find((found) => found !== undefined);
  }
  if (typeof expected === "object") {
    const record = actual as Record<string, unknown> | undefined;
    return Object.entries(expected as object)
      .map(([key, item]) => mismatch(item, record?.[key], `${path}.${key}`))
      .find((found) => found !== undefined);
  }
  return expected === actual ? undefined : `${path}: ${JSON.stringify(expected)} is not ${JSON.stringify(actual)}`;
}

describe("vectors, Stage A", () => {
  for (const file of readdirSync(vectorsUrl).sort()) {
    test(file, () => {
      const vector = JSON.parse(readFileSync(new URL(file, vectorsUrl), "utf8")) as Vector;
      const mapped = spansOfJson(JSON.stringify({ resourceSpans: vector.resourceSpans })).map((span) => mapSpan(span));
      const problems: string[] = [];
      for (const expected of vector.expected) {
        if (expected["eventType"] === "response" || expected["ruleId"] === "CALL-HANDOFF") continue;
        const candidates = mapped
          .filter((span) => span.spanId === expected["spanId"])
          .flatMap((span): EventDraft[] => [...span.drafts, ...span.controlFlow.map((flow) => flow.draft)])
          .filter((draft) => draft.eventType === expected["eventType"])
          .filter((draft) => draft.eventType !== "decision" || draft.decisionKind === expected["decisionKind"]);
        const found = candidates.map((draft) => problemsOf(expected, draft)).sort((a, b) => a.length - b.length)[0];
        const label = `${expected["spanId"]} ${expected["eventType"]} ${expected["name"]}`;
        // CALL-HANDOFF, which not every vector names: a handoff of a model call.
        const isCallHandoff =
          mapped.some((span) => span.spanId === expected["spanId"] && span.class === "llm") &&
          String(expected["eventType"]) === "handoff";
        if (isCallHandoff) continue;
        if (found === undefined) problems.push(`${label}: no draft`);
        else problems.push(...found.map((problem) => `${label}${problem}`));
      }
      expect(mapped.filter((span) => span.defect !== undefined)).toEqual([]);
      expect(problems).toEqual([]);
    });
  }
});

function problemsOf(expected: Record<string, unknown>, draft: EventDraft): string[] {
  const fields = draft as unknown as Record<string, unknown>;
  return Object.keys(expected)
    .filter((field) => !stageB.has(field))
    .flatMap((field) => {
      const problem = mismatch(expected[field], fields[field], `.${field}`);
      return problem === undefined || isStageBs(expected, field, fields[field]) ? [] : [problem];
    });
}
