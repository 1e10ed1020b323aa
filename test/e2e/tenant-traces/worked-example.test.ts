/** The worked example: tenant-traces.md section 8, checklist T12, T13 and T26. */
import { toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { traceDetailSchema } from "@nonet/query-api/tenant-traces/response-schemas.ts";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newOwner, startTracesFixture, type TracesFixture } from "./traces-fixture.ts";
import { exampleBody, exampleTraceId, genAiSpans, openInferenceSpans, openLlmetrySpans } from "./worked-example.ts";

let traces: TracesFixture;

beforeAll(async () => {
  traces = await startTracesFixture();
});

afterAll(() => traces?.close());

const dialects = [
  ["OpenTelemetry GenAI", genAiSpans],
  ["OpenInference", openInferenceSpans],
  ["OpenLLMetry", openLlmetrySpans],
] as const;

describe.each(dialects)("T12 the trace in %s", (_name, spans) => {
  it("gives the body of the contract, byte for byte", async () => {
    const owner = newOwner();
    await traces.store(owner, spans);
    const { status, text, body } = await traces.detail(owner, exampleTraceId);
    expect(status).toBe(200);
    expect(body).toEqual(exampleBody);
    expect(text).toBe(JSON.stringify(exampleBody));
    traceDetailSchema.parse(body);
  });

  it("gives it in any order of arrival, sent once or twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...spans], { minLength: spans.length }),
        fc.subarray([...spans]),
        fc.integer({ min: 1, max: spans.length }),
        async (order, repeated, batchSize) => {
          const owner = newOwner();
          const sent = [...order, ...repeated];
          for (let first = 0; first < sent.length; first += batchSize) {
            await traces.store(owner, sent.slice(first, first + batchSize));
          }
          expect((await traces.detail(owner, exampleTraceId)).text).toBe(JSON.stringify(exampleBody));
        },
      ),
      { numRuns: 6 },
    );
  });

  it("is in the list as in the detail", async () => {
    const owner = newOwner();
    await traces.store(owner, spans);
    const { data } = (await traces.list(owner)).body;
    const { modelConfig, ...same } = data[0];
    const { max_tokens: _, ...config } = exampleBody.modelConfig;
    expect(exampleBody).toMatchObject(same);
    expect(modelConfig).toEqual(config);
  });
});

describe("T13 the example", () => {
  it("is the same with structured attributes as with JSON text", async () => {
    const owner = newOwner();
    await traces.api.ingest(withStructuredAttributes(toExportRequest(genAiSpans)), owner);
    expect((await traces.detail(owner, exampleTraceId)).text).toBe(JSON.stringify(exampleBody));
  });

  it("is the same with `result` for `response` in tool messages", async () => {
    const owner = newOwner();
    const request = JSON.stringify(toExportRequest(genAiSpans));
    const renamed = request.replaceAll('\\"response\\":', '\\"result\\":');
    expect(renamed).not.toBe(request);
    await traces.api.ingest(JSON.parse(renamed), owner);
    expect((await traces.detail(owner, exampleTraceId)).text).toBe(JSON.stringify(exampleBody));
  });
});

describe("T26 include=events", () => {
  it("gives the events as the session traces API does", async () => {
    const owner = newOwner();
    await traces.store(owner, genAiSpans);
    const { body } = await traces.detail(owner, exampleTraceId, "?include=events");
    const token = traces.tokenOf(owner);
    const session = await traces.get(token, `/api/projects/${owner.projectId}/sessions/sess_42/traces`);
    const { events, ...rest } = body;
    expect(events).toHaveLength(10);
    expect(JSON.stringify(events)).toBe(JSON.stringify(session.body.data));
    expect(rest).toEqual(exampleBody);
    traceDetailSchema.parse(body);
    expect((await traces.detail(owner, exampleTraceId, "?include=spans")).body.errors[0].code).toBe("UNKNOWN_VALUE");
  });
});

type AnyValue = { stringValue?: string };

/** Each attribute that is JSON text as the value that it spells. */
function withStructuredAttributes(request: object): object {
  const text = JSON.stringify(request, (_key, value: unknown) => {
    const sent = (value as AnyValue | null)?.stringValue;
    return typeof sent === "string" && /^[[{]/.test(sent) ? toAnyValue(JSON.parse(sent)) : value;
  });
  return JSON.parse(text);
}

function toAnyValue(value: unknown): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(toAnyValue) } };
  const entries = Object.entries(value as object);
  return { kvlistValue: { values: entries.map(([key, member]) => ({ key, value: toAnyValue(member) })) } };
}
