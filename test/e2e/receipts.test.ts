/** Every accepted request has a receipt, and a receipt says where the request is. docs/receipts.md, otlp-receiver.md, contracts/README.md ruling 15. */
import { randomBytes } from "node:crypto";
import { credentials, Metadata, makeGenericClientConstructor } from "@grpc/grpc-js";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportJson, modelCall, readReceipt, requestOf, untilQueryable } from "./export-client.ts";
import { eventually } from "./service-process.ts";
import { createReader } from "./shape-under-test.ts";
import { type StandaloneFixture, startStandaloneFixture } from "./standalone-fixture.ts";

let standalone: StandaloneFixture;
beforeAll(async () => {
  standalone = await startStandaloneFixture();
});
afterAll(() => standalone?.close());

const id = (bytes: number) => randomBytes(bytes).toString("hex");
const newCall = (sessionId = `s-${id(4)}`) => modelCall({ traceId: id(16), spanId: id(8), sessionId });

test("a receipt over HTTP is logged at once, soon queryable, and then the session is there", async () => {
  const sessionId = `s-${id(4)}`;
  const before = Date.now();
  const { status, receipt } = await exportJson(standalone, requestOf([newCall(sessionId), newCall(sessionId)]));
  expect(status).toBe(200);
  expect(receipt).toMatch(/^[A-Za-z0-9_-]{60,200}$/);
  const first = await readReceipt(standalone, receipt);
  expect(["logged", "stored", "queryable"]).toContain(first.state);
  expect(first).toMatchObject({ acceptedSpans: 2, rejectedSpans: 0, rejected: [] });
  expect(Date.parse(first.loggedAt)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(first.loggedAt)).toBeLessThanOrEqual(Date.now());
  expect(first.log).toMatchObject({ topic: "agent-events", partitions: [{ partition: 0 }] });
  const last = await untilQueryable(standalone, receipt);
  expect(last).toEqual({ ...first, state: "queryable" });
  const session = await standalone.get(`/api/projects/default/sessions/${sessionId}`);
  expect(session.status).toBe(200);
});

test("an empty request and one that is rejected whole have receipts too", async () => {
  const empty = await exportJson(standalone, { resourceSpans: [] });
  expect(await readReceipt(standalone, empty.receipt)).toMatchObject({
    state: "queryable",
    acceptedSpans: 0,
    log: { topic: null, partitions: [] },
  });
  const rejected = await exportJson(standalone, requestOf([{ ...newCall(), traceId: "00".repeat(16) }]));
  expect(rejected.body.partialSuccess?.rejectedSpans).toBe("1");
  expect(await readReceipt(standalone, rejected.receipt)).toMatchObject({ acceptedSpans: 0, rejectedSpans: 1 });
});

test("spans rejected in the request stand in its receipt, with their reasons", async () => {
  const good = newCall();
  const bad = { ...newCall(), spanId: "0000000000000000" };
  const { receipt } = await exportJson(standalone, requestOf([good, bad, { ...newCall(), traceId: "ab" }]));
  const body = await eventually(
    async () => {
      const found = await readReceipt(standalone, receipt);
      return found.rejected.length === 2 && found;
    },
    { withinMs: 5_000, what: "the quarantine" },
  );
  expect(body).toMatchObject({ acceptedSpans: 1, rejectedSpans: 2 });
  expect(body.rejected).toMatchObject([
    { reason: "invalid_span_id", traceId: bad.traceId, spanId: bad.spanId },
    { reason: "invalid_trace_id", traceId: "ab" },
  ]);
  const entry = await standalone.get(`/api/projects/default/quarantine/${body.rejected[0]?.quarantineId}`);
  expect(entry).toMatchObject({ status: 200, body: { reason: "invalid_span_id" } });
});

test("the answer over gRPC carries it as a trailer", async () => {
  const url = new URL(standalone.grpcUrl);
  const Client = makeGenericClientConstructor(
    {
      export: {
        path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        requestStream: false,
        responseStream: false,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    },
    "TraceService",
  );
  const client = new Client(url.host, credentials.createInsecure());
  const trailers = await new Promise<Metadata>((resolve, reject) => {
    const call = client["export"]?.(Buffer.alloc(0), new Metadata(), (error: Error | null) => error && reject(error));
    call.on("status", (status: { metadata: Metadata }) => resolve(status.metadata));
  });
  client.close();
  const [receipt = ""] = trailers.get("nonet-receipt");
  expect(await readReceipt(standalone, String(receipt))).toMatchObject({ state: "queryable", acceptedSpans: 0 });
});

test("forged, changed and foreign receipts are all the same 404", async () => {
  const { receipt } = await exportJson(standalone, requestOf([newCall()]));
  const control = openControlDatabase({ url: `sqlite:${standalone.dataDirectory}/control.db` });
  await control.createProject({ tenantId: "other", id: "other", actor: "cli" });
  const foreign = await control.createKey({
    projectId: "other",
    scopes: ["ingest:write", "traces:read"],
    actor: "cli",
  });
  const writer = await control.createKey({ projectId: "default", scopes: ["ingest:write"], actor: "cli" });
  const exporter = await control.createKey({ projectId: "default", scopes: ["llm_analytics:read"], actor: "cli" });
  await control.close();
  const other = receipt.at(-1) === "A" ? "B" : "A";
  const problems = await Promise.all(
    [
      `${receipt.slice(0, -8)}${other.repeat(8)}`,
      `${other}${receipt.slice(1)}`,
      "x",
      `${receipt}A`,
      "%00",
      "a".repeat(4_000),
    ].map((forged) => standalone.get(`/api/receipts/${forged}`)),
  );
  problems.push(await createReader(standalone.apiUrl, foreign.apiKey)(`/api/receipts/${receipt}`));
  const bodies = problems.map(({ status, body }) => ({ status, body: { ...(body as object), requestId: "" } }));
  for (const each of bodies) expect(each).toEqual({ ...bodies[0], status: 404 });
  // A key that only writes may ask; one without either scope may not; nobody may without a key.
  expect(await createReader(standalone.apiUrl, writer.apiKey)(`/api/receipts/${receipt}`)).toMatchObject({
    status: 200,
  });
  expect(await createReader(standalone.apiUrl, exporter.apiKey)(`/api/receipts/${receipt}`)).toMatchObject({
    status: 403,
    body: { detail: "The token lacks the scope ingest:write or traces:read." },
  });
  const anonymous = await fetch(`${standalone.apiUrl}/api/receipts/${receipt}`);
  expect(anonymous.status).toBe(401);
  const posted = await fetch(`${standalone.apiUrl}/api/receipts/${receipt}`, {
    method: "POST",
    headers: { authorization: `Bearer ${standalone.apiKey}` },
  });
  expect(posted.status).toBe(405);
});

test("a receipt outlives a kill, and expires", async () => {
  const { receipt } = await exportJson(standalone, requestOf([newCall()]));
  const { loggedAt } = await readReceipt(standalone, receipt);
  await standalone.process().kill();
  await standalone.restart();
  expect(await untilQueryable(standalone, receipt)).toMatchObject({ acceptedSpans: 1, loggedAt });

  standalone.process().signal("SIGTERM");
  expect(await standalone.process().exited).toBe(0);
  // 8.64 s.
  standalone.environment["NONET_RECEIPT_DAYS"] = "0.0001";
  await standalone.restart();
  const expired = await eventually(
    async () => {
      const body = await readReceipt(standalone, receipt);
      return body.state === "expired" && body;
    },
    { withinMs: 20_000, what: "expired" },
  );
  expect(Date.now() - Date.parse(loggedAt)).toBeGreaterThan(8_640);
  expect(expired.loggedAt).toBe(loggedAt);
});

test("/openapi.json documents receipts and the quarantine", async () => {
  const { body } = await standalone.get("/openapi.json");
  expect(body).toMatchObject({
    paths: {
      "/api/receipts/{receiptId}": { get: { operationId: "getReceipt" } },
      "/api/projects/{projectId}/quarantine": { get: {} },
      "/api/projects/{projectId}/quarantine/{entryId}": { get: {} },
      "/api/projects/{projectId}/quarantine/replay": { post: { requestBody: { required: true } } },
    },
  });
});
