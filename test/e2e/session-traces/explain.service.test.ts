/** `explain` over HTTP: who may ask, for which span, and that no value of an attribute leaves by it. */
import { explanationSchema } from "@nonet/query-api/session-traces/response-schemas.ts";
import { type SpanInput, toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiFixture, startApiFixture } from "./api-fixture.ts";

const owner = { tenantId: "acme", projectId: "shop" };
const reader = "test-token-explain-read";
const exporter = "test-token-explain-none";
const spanId = "ab".repeat(8);
const [first, second] = ["8".repeat(32), "9".repeat(32)] as const;
const start = 1_777_885_200_000_000_000n;
let api: ApiFixture;

beforeAll(async () => {
  api = await startApiFixture();
  api.addToken(reader, owner, ["traces:read"]);
  api.addToken(exporter, owner, ["traces:export"]);
  await api.ingest(toExportRequest([call(first, "one"), call(first, "twice", "cd".repeat(8))]), owner);
  await api.ingest(toExportRequest([call(second, "twice", "cd".repeat(8))]), owner);
});

afterAll(() => api?.close());

function call(traceId: string, sessionId: string, id = spanId): SpanInput {
  return {
    traceId,
    spanId: id,
    name: "chat gpt-4o",
    start,
    end: start + 1_000n,
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "gpt-4o",
      "session.id": sessionId,
      "my.own.note": "a private remark",
    },
  };
}

async function ask(path: string, token = reader) {
  const response = await fetch(`${api.url}/api/projects/shop/sessions/${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) };
}

test("a reader without the right to content learns the rule, the attributes and the events", async () => {
  const { status, text, body } = await ask(`one/traces/${spanId.toUpperCase()}/explain`);
  expect(status).toBe(200);
  const reasons = explanationSchema.parse(body);
  expect(reasons).toMatchObject({ spanId, traceId: first, class: "llm", unreadAttributes: ["my.own.note"] });
  expect(reasons.fields).toContainEqual({ field: "requestModel", attributes: ["gen_ai.request.model"] });
  expect(reasons.events).toMatchObject([{ eventType: "llm_call" }]);
  expect(text).not.toContain("private remark");
});

test("a span id in two traces asks which, and a trace id tells", async () => {
  const path = `twice/traces/${"cd".repeat(8)}/explain`;
  const ambiguous = await ask(path);
  expect(ambiguous).toMatchObject({ status: 409, body: { code: "AMBIGUOUS_SPAN", traceIds: [first, second] } });
  expect((await ask(`${path}?traceId=${second}`)).body.traceId).toBe(second);
  expect((await ask(`${path}?traceId=${"7".repeat(32)}`)).status).toBe(404);
});

test("an unknown span, one of another session and an unknown session are 404, a bad id 400, a missing scope 403", async () => {
  expect((await ask(`one/traces/${"e".repeat(16)}/explain`)).status).toBe(404);
  expect((await ask(`twice/traces/${spanId}/explain`)).status).toBe(404);
  expect((await ask(`nobody/traces/${spanId}/explain`)).status).toBe(404);
  expect((await ask("one/traces/xyz/explain")).status).toBe(400);
  expect((await ask(`one/traces/${spanId}/explain`, exporter)).status).toBe(403);
});

test("it is documented", async () => {
  const document = JSON.parse(await (await fetch(`${api.url}/openapi.json`)).text());
  expect(document.paths["/api/projects/{projectId}/sessions/{sessionId}/traces/{spanId}/explain"].get.operationId).toBe(
    "explainSpan",
  );
});
