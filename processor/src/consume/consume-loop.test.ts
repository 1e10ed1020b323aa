/** Bad input and a store that fails, as the loop answers them: one bad record never costs its neighbours, and nothing is committed that is not stored. */
import { PipelineError } from "@nonet/proto/errors.ts";
import { encodeRecord } from "@nonet/proto/record-codec.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { ClickhouseStore, TableLines } from "../store/clickhouse/clickhouse-store.ts";
import { createConsumeLoop } from "./consume-loop.ts";
import { createProcessorMetrics } from "./processor-metrics.ts";
import type { SourceRecord } from "./record-source.ts";
import { plainStamps } from "./testdata/plain-stamps.ts";

const owned = { isLost: () => false };
const traceId = (n: number) => n.toString(16).padStart(32, "0");

/** A Span message with ids, a name and times, byte by byte. */
function spanBytes(trace: string): Uint8Array {
  return Buffer.concat([
    Buffer.from([0x0a, 16]),
    Buffer.from(trace, "hex"),
    Buffer.from([0x12, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x2a, 1, 0x61]),
    Buffer.from([0x39, 0, 0, 0xc1, 0x6f, 0xf2, 0x86, 0x23, 0x17, 0x41, 0, 0, 0xc2, 0x6f, 0xf2, 0x86, 0x23, 0x17]),
  ]);
}

function record(offset: number, trace: string): SourceRecord {
  const value = encodeRecord({
    kind: "span_events",
    tenantId: "default",
    projectId: "default",
    receivedUnixNano: 1n,
    mappingVersion: 1,
    priceVersion: "",
    settingsVersion: 0,
    resource: new Uint8Array(),
    scope: new Uint8Array(),
    span: spanBytes(trace),
    resourceSchemaUrl: "",
    scopeSchemaUrl: "",
    spanClass: "",
    ruleId: "",
    events: [],
  });
  return { partition: 0, offset: BigInt(offset), key: partitionKey("default", trace), value, timestampMs: 0 };
}

async function startLoop(refuse: (lines: TableLines) => unknown) {
  const inserted: TableLines[] = [];
  const dead: { offset: bigint; reason: string }[] = [];
  const store: ClickhouseStore = {
    async insert(lines) {
      const error = refuse(lines);
      if (error !== undefined) throw error;
      inserted.push(lines);
    },
    findTraces: async () => [],
    loadSpans: async () => [],
    loadDerivedKeys: async () => ({ traces: [], spans: [], events: [], sessions: [], metric_points: [] }),
    loadCosts: async () => new Map(),
    isHealthy: () => true,
  };
  const nothing = { reports: [], crowded: [], markedTraceIds: [] };
  let epoch = 0n;
  const loop = createConsumeLoop(
    { hotTraceCountMax: 100, hotTraceBytesMax: 1e9, hotTraceAgeMsMax: 1e9 },
    {
      store,
      reports: { ofTraces: async () => [] },
      digests: { ofStored: async () => new Map() },
      stamps: plainStamps,
      copies: {
        reports: { find: async () => nothing },
        scopes: { haveSeveral: async () => false, settled: async () => undefined },
        publish: async () => undefined,
        now: () => 0,
      },
      async nextOwnerEpoch() {
        epoch += 1n;
        return epoch;
      },
      async deadLetter({ offset }, reason) {
        dead.push({ offset, reason });
      },
      project: async () => undefined,
      touchWindows: async () => undefined,
      forgetWindows: async () => undefined,
      metrics: createProcessorMetrics(new Registry()),
      log: pino({ level: "silent" }),
      now: () => 0,
    },
  );
  await loop.assigned([0]);
  return { loop, inserted, dead };
}

const spanLines = (inserted: readonly TableLines[]) => inserted.flatMap((lines) => lines.spans);

test("a record that cannot be read goes to the dead letters with its reason, and its neighbours are stored", async () => {
  const { loop, inserted, dead } = await startLoop(() => undefined);
  const garbage = { ...record(1, traceId(2)), value: Buffer.from("ffffffff", "hex") };
  await loop.batch(0, [record(0, traceId(1)), garbage, record(2, traceId(3))], owned);
  expect(dead).toEqual([{ offset: 1n, reason: expect.stringContaining("RECORD_UNREADABLE") }]);
  expect(spanLines(inserted)).toHaveLength(2);
});

test.each([
  ["the store refuses for good", new PipelineError("STORE_REJECTED", "no such column")],
  ["our own code trips over", new TypeError("undefined is not a function")],
])("a trace that %s costs only itself", async (_name, error) => {
  const poison = (lines: TableLines) => lines.spans.some((line) => line.includes(traceId(2)));
  const { loop, inserted, dead } = await startLoop((lines) => (poison(lines) ? error : undefined));
  await loop.batch(0, [record(0, traceId(1)), record(1, traceId(2)), record(2, traceId(3))], owned);
  expect(dead.map((each) => each.offset)).toEqual([1n]);
  expect(spanLines(inserted).map((line) => [traceId(1), traceId(3)].filter((id) => line.includes(id)))).toEqual([
    [traceId(1)],
    [traceId(3)],
  ]);
});

test("a store that is away fails the batch, and the same batch is stored whole when it is back", async () => {
  let away = true;
  const { loop, inserted, dead } = await startLoop(() =>
    away ? new PipelineError("STORE_UNAVAILABLE", "away") : undefined,
  );
  const batch = [record(0, traceId(1)), record(1, traceId(2))];
  await expect(loop.batch(0, batch, owned)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
  away = false;
  await loop.batch(0, batch, owned);
  expect(spanLines(inserted)).toHaveLength(2);
  expect(dead).toEqual([]);
});

test("a partition that was lost while its batch was stored is not committed", async () => {
  const { loop } = await startLoop(() => undefined);
  await expect(loop.batch(0, [record(0, traceId(1))], { isLost: () => true })).rejects.toMatchObject({
    code: "LEASE_LOST",
  });
});

test("each assignment writes with a newer epoch", async () => {
  const { loop, inserted } = await startLoop(() => undefined);
  await loop.batch(0, [record(0, traceId(1))], owned);
  await loop.revoked([0]);
  await loop.assigned([0]);
  await loop.batch(0, [record(1, traceId(2))], owned);
  const versions = spanLines(inserted).map((line) => BigInt(line.split("\t")[0] ?? ""));
  expect(versions.map((version) => version >> 40n)).toEqual([1n, 2n]);
});
