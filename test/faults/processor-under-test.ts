/** A processor in this process, on a store of the test: its log is SQLite in memory, its projection a map. What it is told can be chosen span by span. */
import type { ClickHouseClient } from "@clickhouse/client";
import { type ProcessorConfig, processorConfigSchema } from "@nonet/processor/config.ts";
import { createSqliteSource } from "@nonet/processor/consume/sqlite-source.ts";
import { type Processor, startProcessor } from "@nonet/processor/service.ts";
import { noSettings } from "@nonet/proto/control/project-settings.ts";
import { createMemoryProjection } from "@nonet/proto/projection/memory-projection.ts";
import type { Projection } from "@nonet/proto/projection/projection.ts";
import { encodeRecord } from "@nonet/proto/record-codec.ts";
import { type AppendedRecord, openSqliteLog, type SqliteLog } from "@nonet/proto/sqlite-log.ts";
import { agentEventsTopic, partitionKey } from "@nonet/proto/topics.ts";
import { mappingVersion, priceTable } from "@nonet/proto/versions.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { eventually } from "../e2e/service-process.ts";
import { encodeSpan, encodeText, type FixtureSpan } from "./otlp-fixture.ts";

export interface ProcessorUnderTest {
  readonly log: SqliteLog;
  readonly projection: Projection;
  readonly registry: Registry;
  readonly processor: Processor;
  /** Everything in the log has been committed. */
  settled(withinMs?: number): Promise<void>;
  close(): Promise<void>;
}

const group = "test";
let epochs = 0;

/** @param options.log  of an earlier processor, to go on from; its owner closes it. */
export async function startProcessorUnderTest(
  client: ClickHouseClient,
  options: { config?: Partial<Record<keyof ProcessorConfig, number>>; log?: SqliteLog; projectIds?: string[] } = {},
): Promise<ProcessorUnderTest> {
  const log = options.log ?? openMemoryLog();
  const projection = createMemoryProjection();
  const registry = new Registry();
  /** Of batches that were tried again. */
  const errors: string[] = [];
  const processor = await startProcessor(
    { ...processorConfigSchema.parse({ NONET_AUDIT_INTERVAL_SECONDS: 0 }), ...options.config },
    {
      source: createSqliteSource(
        {
          consumerGroup: group,
          batchCountMax: 5_000,
          batchBytesMax: 2 ** 25,
          lingerMs: 0,
          retryMs: 10,
          retryMsMax: 100,
        },
        { log, onError: () => undefined, onGap: () => undefined },
      ),
      clickhouse: client,
      projection,
      async nextOwnerEpoch() {
        epochs += 1;
        return BigInt(epochs);
      },
      listProjectIds: async () => options.projectIds ?? ["default"],
      async deadLetter(record, reason) {
        throw new Error(`offset ${record.offset} is a dead letter: ${reason}`);
      },
      async publishCommands(commands) {
        log.append([commands], 0);
      },
      knownScopesLeaseMs: 0,
      settings: { at: async () => noSettings.settings },
      priceTables: { loadPriceTable: async () => undefined, savePriceTable: async () => undefined },
      quarantine: { add: async () => ({ added: 0, dropped: [] }) as never },
      topic: agentEventsTopic,
      registry,
      log: pino({ level: "silent" }),
      now: Date.now,
    },
  );
  return {
    log,
    projection,
    registry,
    processor,
    settled: (withinMs = 60_000) =>
      eventually(() => log.committed(group, 0) === log.end(0), { withinMs, what: "all records are committed" }).then(
        () => undefined,
        (caught) => {
          throw new Error(`${String(caught)}; batches failed by: ${errors.slice(-3).join("; ")}`, { cause: caught });
        },
      ),
    async close() {
      await processor.close();
      await projection.close();
      if (options.log === undefined) log.close();
    },
  };
}

export function openMemoryLog(): SqliteLog {
  return openSqliteLog({ path: ":memory:", partitionCount: 1, synchronous: "NORMAL", backlogBytesMax: 2 ** 31 });
}

/** As ingest would write it. */
export function toRecord(projectId: string, span: FixtureSpan): AppendedRecord {
  return {
    key: partitionKey(projectId, span.traceId),
    value: encodeRecord({
      kind: "span_events",
      tenantId: "acme",
      projectId,
      receivedUnixNano: 1_777_885_200_000_000_000n,
      mappingVersion,
      priceVersion: priceTable,
      settingsVersion: 0,
      resource: encodeText("service.name", "shop"),
      scope: new Uint8Array(),
      span: encodeSpan(span),
      resourceSchemaUrl: "",
      scopeSchemaUrl: "",
      spanClass: "",
      ruleId: "",
      events: [],
    }),
  };
}

/** An agent that calls a model and a tool, in a session: six events. */
export function turnSpans(index: number, options: { sessionId: string; startMs: number }): FixtureSpan[] {
  const traceId = (0xabc00000000 + index).toString(16).padStart(32, "0");
  const ids = { traceId, parentSpanId: "00000000000000a1" };
  const { sessionId, startMs } = options;
  return [
    {
      traceId,
      spanId: "00000000000000a1",
      name: "invoke_agent shop",
      startMs,
      endMs: startMs + 900,
      attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop", "session.id": sessionId },
    },
    {
      ...ids,
      spanId: "00000000000000a2",
      name: "chat gpt-4o",
      startMs: startMs + 10,
      endMs: startMs + 500,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10 + index,
        "gen_ai.usage.output_tokens": 5,
      },
    },
    {
      ...ids,
      spanId: "00000000000000a3",
      name: "execute_tool refund",
      startMs: startMs + 510,
      endMs: startMs + 800,
      attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund", "gen_ai.tool.call.id": "c" },
    },
  ];
}
