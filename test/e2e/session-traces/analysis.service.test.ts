/** What an analysis learns from the rest of the project: baselines and failures seen before. Source: session-traces.md 8.2, 8.3. */
import { createHash } from "node:crypto";
import { analysisSchema } from "@nonet/query-api/session-traces/analysis/analysis-schema.ts";
import { type SpanInput, toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import {
  exampleProjectId,
  exampleRequest,
  exampleStartMs,
  exampleTenantId,
  firstTurnSpans,
  secondTurnSpans,
} from "@nonet/query-api/session-traces/testdata/worked-example.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiFixture, startApiFixture } from "./api-fixture.ts";

const token = "test-token-of-acme-0001";
const owner = { tenantId: exampleTenantId, projectId: exampleProjectId };
const path = `/api/projects/${exampleProjectId}/sessions/sess_42/analysis`;
const hourMs = 3_600_000;
let api: ApiFixture;

beforeAll(async () => {
  api = await startApiFixture();
  api.addToken(token, owner);
  await api.ingest(exampleRequest([...firstTurnSpans, ...secondTurnSpans]), owner);
});

afterAll(() => api?.close());

function idOf(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/** One session with one refund under an agent, that long before the example. */
function earlierRefund(name: string, refund: { hoursBefore: number; durationMs: number; failure?: string }): object {
  const traceId = idOf(`trace ${name}`, 32);
  const rootId = idOf(`root ${name}`, 16);
  const start = BigInt(exampleStartMs - refund.hoursBefore * hourMs) * 1_000_000n;
  const end = start + BigInt(refund.durationMs) * 1_000_000n;
  const spans: SpanInput[] = [
    {
      traceId,
      spanId: rootId,
      name: "invoke_agent refunds",
      start,
      end: end + 1_000_000n,
      attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "refunds", "session.id": name },
    },
    {
      traceId,
      spanId: idOf(`tool ${name}`, 16),
      parentSpanId: rootId,
      name: "execute_tool refund_order",
      start,
      end,
      attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund_order" },
      ...(refund.failure === undefined
        ? {}
        : {
            status: { code: 2 },
            events: [
              {
                name: "exception",
                time: end,
                attributes: { "exception.type": "TimeoutError", "exception.message": refund.failure },
              },
            ],
          }),
    },
  ];
  return toExportRequest(spans);
}

// biome-ignore lint/suspicious/noExplicitAny: checked by schema
async function analyze(query = ""): Promise<any> {
  const response = await fetch(`${api.url}${path}${query}`, { headers: { authorization: `Bearer ${token}` } });
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  analysisSchema.parse(body);
  return body;
}

describe("K34, K37: the rest of the project", () => {
  it("is nothing at first: limits judge, and the failure is new", async () => {
    const body = await analyze();
    expect(body.slowSpans).toEqual([]);
    expect(body.errorPatterns[0]).toMatchObject({ count: 2, recovered: 2, seenInOtherSessions: 0, isNew: true });
    expect(body.optimizationSuggestions.map((finding: { id: string }) => finding.id)).toEqual([
      "fnd_1d4975b75507c954",
      "fnd_1e7f52910c53d09e",
    ]);
  });

  it("gives the baseline of the example from 21 sessions of the week, and not from others", async () => {
    for (let index = 0; index < 19; index += 1) {
      await api.ingest(
        earlierRefund(`usual-${index}`, { hoursBefore: 1 + index, durationMs: 200 + index * 10 }),
        owner,
      );
    }
    // None of these is a baseline: too old, later than the session, failed.
    await api.ingest(earlierRefund("too-old", { hoursBefore: 7 * 24 + 1, durationMs: 1 }), owner);
    await api.ingest(earlierRefund("too-late", { hoursBefore: -1, durationMs: 1 }), owner);
    await api.ingest(
      earlierRefund("failed", {
        hoursBefore: 2,
        durationMs: 1,
        failure: "Refund service timed out after 7 ms (request req_1a2b3c4d)",
      }),
      owner,
    );
    expect((await analyze("?section=slowSpans")).slowSpans).toEqual([]);
    for (let index = 19; index < 21; index += 1) {
      await api.ingest(
        earlierRefund(`usual-${index}`, { hoursBefore: 1 + index, durationMs: 200 + index * 10 }),
        owner,
      );
    }
    const body = await analyze();
    expect(body.slowSpans.map((finding: { id: string }) => finding.id)).toEqual([
      "fnd_21dbb6297c7b1dd1",
      "fnd_907c5defaaf84395",
    ]);
    expect(body.slowSpans[0].baseline).toEqual({
      samples: 21,
      medianMs: 300,
      madLn: 0.182322,
      from: "2026-04-27T09:00:00.000Z",
      to: "2026-05-04T09:00:00.000Z",
    });
    expect(body.errorPatterns[0]).toMatchObject({ seenInOtherSessions: 1, isNew: false });
  });

  it("refuses a section that is none", async () => {
    const response = await fetch(`${api.url}${path}?section=nothing&limit=101`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(400);
  });
});
