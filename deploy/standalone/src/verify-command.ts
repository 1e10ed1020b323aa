/**
 * `nonet verify`: checks that a running installation says what its spans say. A running standalone does it when asked on its admin port; where
 * KAFKA_BROKERS is set, this process reads the store, the control database and the API itself.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { toSaslOptions } from "@nonet/processor/consume/kafka-connection.ts";
import { createKafkaSource } from "@nonet/processor/consume/kafka-source.ts";
import { createStampMeanings } from "@nonet/processor/consume/stamp-meanings.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import {
  clickhouseSettings,
  databaseSettings,
  kafkaSettings,
  toKafkaConnection,
} from "@nonet/proto/connection-settings.ts";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createSettingsCache } from "@nonet/proto/control/settings-cache.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { formatAddress } from "@nonet/proto/listen-address.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { z } from "zod";
import { askStandalone } from "./ask-standalone.ts";
import { standaloneConfigSchema } from "./config.ts";
import { verify } from "./verify/verify.ts";
import type { VerifyLine, VerifySummary } from "./verify/verify-lines.ts";

export const verifyUsage = `nonet verify [--project ID]
                         maps every stored trace again and compares; also keys, sessions, rolling metrics, offsets, and what the API says;
                         ends with 1 and tells what differs. Asks the standalone at NONET_ADMIN_ADDRESS, or uses KAFKA_BROKERS,
                         CLICKHOUSE_URL, DATABASE_URL, NONET_API_ADDRESS and NONET_API_KEY`;

export const verifyPath = "/verify";

type Environment = Readonly<Record<string, string | undefined>>;

export interface VerifyResult {
  /** For standard output. */
  readonly lines: readonly string[];
  readonly isClean: boolean;
}

/**
 * @param args what follows `nonet verify`.
 * @param tell is told progress and differences as they come.
 * @throws PipelineError when it could not be checked.
 */
export async function runVerifyCommand(
  args: readonly string[],
  environment: Environment,
  tell: (line: string) => void,
): Promise<VerifyResult> {
  const projectId = parseProject(args);
  const isDistributed = (environment["KAFKA_BROKERS"] ?? "") !== "";
  let summary: VerifySummary | undefined;
  let toldAt = 0;
  const query = new URLSearchParams(projectId === undefined ? {} : { project: projectId });
  const said: AsyncIterable<VerifyLine> = isDistributed
    ? verifyDirectly(projectId, environment)
    : askStandalone<VerifyLine>({ path: verifyPath, query, isLast: (line) => line.kind === "summary" }, environment);
  for await (const line of said) {
    if (line.kind === "summary") summary = line;
    else if (line.kind === "difference") tell(`${line.step}: ${line.where}: ${line.what}`);
    else if (performance.now() - toldAt > 1_000 || line.done === line.total) {
      toldAt = performance.now();
      tell(`${line.step}: ${line.done} of ${line.total}`);
    }
  }
  if (summary === undefined) throw new PipelineError("STORE_UNAVAILABLE", "the verifier did not end");
  const { traces, spans, events, sessions, differences, olderTraces } = summary;
  return {
    isClean: differences === 0,
    lines: [
      `${traces} traces, ${spans} spans, ${events} events, ${sessions} sessions: ${differences === 0 ? "all as it must be" : `${differences} differences`}`,
      ...(olderTraces === 0
        ? []
        : [`${olderTraces} traces are of older mapping versions and were not compared: nonet remap brings them along`]),
    ],
  };
}

function parseProject(args: readonly string[]): string | undefined {
  try {
    return parseArgs({ args: [...args], options: { project: { type: "string" } } }).values.project;
  } catch (caught) {
    throw new PipelineError("CONFIG_INVALID", `${String(caught)}\n${verifyUsage}`, { cause: caught });
  }
}

const consumerGroupDefault = "nonet-processor";

async function* verifyDirectly(projectId: string | undefined, environment: Environment): AsyncGenerator<VerifyLine> {
  const schema = z.object({
    ...kafkaSettings,
    ...clickhouseSettings,
    ...databaseSettings,
    NONET_API_ADDRESS: standaloneConfigSchema.shape.NONET_API_ADDRESS,
    NONET_API_KEY: standaloneConfigSchema.shape.NONET_API_KEY,
    NONET_CONSUMER_GROUP: z.string().min(1).default(consumerGroupDefault),
  });
  // The environment is that of the services: their other settings are no mistake.
  const config = parseConfig(schema, environment, () => undefined);
  const client = createStoreClient({ url: config.CLICKHOUSE_URL });
  await using control = openControlDatabase({ url: config.DATABASE_URL });
  const { sasl, ...connection } = toKafkaConnection(config, "nonet-verify");
  const source = createKafkaSource(
    {
      connection: { ...connection, ...(sasl === undefined ? {} : { sasl: toSaslOptions(sasl) }) },
      topic: config.KAFKA_TOPIC,
      consumerGroup: config.NONET_CONSUMER_GROUP,
      // It never joins the group.
      sessionTimeoutMs: 10_000,
      fetchBytesMax: 1,
      batchCountMax: 1,
      batchBytesMax: 1,
      lingerMs: 0,
      retryMs: 100,
      retryMsMax: 1_000,
    },
    { onError: () => undefined, onGap: () => undefined },
  );
  const key = config.NONET_API_KEY;
  try {
    yield* verify(
      projectId === undefined ? {} : { projectId },
      {
        client,
        stamps: createStampMeanings({ settings: createSettingsCache(control), loadPriceTable: control.loadPriceTable }),
        ...(key === undefined ? {} : { api: { url: `http://${formatAddress(config.NONET_API_ADDRESS)}`, key } }),
        async positions() {
          // First what is committed: what is stored only grows meanwhile.
          const committed = await source.positions();
          const stored = await control.loadProcessedPositions(config.KAFKA_TOPIC);
          return committed.map((each) => ({ ...each, stored: stored.get(each.partition)?.stored }));
        },
        pause: (ms) => delay(ms),
      },
      new AbortController().signal,
    );
  } finally {
    await source.close();
    await client.close();
  }
}
