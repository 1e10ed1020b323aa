/**
 * `nonet remap` and `nonet reprice`: bring stored history to the mapping, the settings or the prices in force. A running standalone does it when asked on its admin port, as it owns the log
 * and the store; where KAFKA_BROKERS is set, this process reads the store and publishes itself.
 */
import { parseArgs } from "node:util";
import { createKafkaPublisher } from "@nonet/ingest/publish/kafka-publisher.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import {
  clickhouseSettings,
  databaseSettings,
  kafkaSettings,
  toKafkaConnection,
} from "@nonet/proto/connection-settings.ts";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { z } from "zod";
import { askStandalone } from "./ask-standalone.ts";
import { standaloneConfigSchema } from "./config.ts";
import { queryOf, remapPath } from "./remap-request.ts";
import { type RemapProgress, type RemapReason, type RemapRequest, remapTraces } from "./remap-traces.ts";
import { loadVersionsInForce } from "./versions-in-force.ts";

export const remapUsage = `nonet remap [--settings] [--project ID] [--all] [--after PROJECT/TRACE_ID]
                         maps stored traces of older mapping versions again, with --all every trace, while ingest runs; with
                         --settings also hides spans by the scopes that their project ignores now. Prices stay.
                         asks the standalone at NONET_ADMIN_ADDRESS, or uses KAFKA_BROKERS, CLICKHOUSE_URL and DATABASE_URL
nonet reprice [--project ID] [--all] [--after PROJECT/TRACE_ID]
                         prices stored calls by the price table and the project's own prices of now, at the time of each call`;

const megabyte = 1_048_576;

type Environment = Readonly<Record<string, string | undefined>>;

const words: Readonly<Record<RemapReason, { readonly nothing: string; readonly done: string }>> = {
  remap: { nothing: "nothing to map again", done: "traces mapped again" },
  settings: { nothing: "nothing to map again", done: "traces mapped again" },
  reprice: { nothing: "nothing to price again", done: "traces priced again" },
};

/**
 * @param args the command, `remap` or `reprice`, and what follows it.
 * @param tell is told the progress.
 * @returns lines for standard output.
 * @throws PipelineError `CONFIG_INVALID` for arguments or settings that make no sense, else what stopped it, with how to go on.
 */
export async function runRemapCommand(
  args: readonly string[],
  environment: Environment,
  tell: (line: string) => void,
): Promise<string[]> {
  const request = parseRequest(args);
  const { nothing, done } = words[request.reason];
  const isDistributed = (environment["KAFKA_BROKERS"] ?? "") !== "";
  let last: RemapProgress | undefined;
  try {
    for await (const progress of isDistributed
      ? publishDirectly(request, environment)
      : askStandalone<RemapProgress>(
          { path: remapPath, query: queryOf(request), isLast: (said) => said.finished },
          environment,
        )) {
      last = progress;
      if (!progress.finished) tell(`${progress.done} of ${progress.total} traces, up to ${progress.after}`);
    }
  } catch (caught) {
    const error = PipelineError.from(caught);
    const goOn = last === undefined || last.after === "" ? "" : `; go on with --after ${last.after}`;
    throw new PipelineError(error.code, `${error.message}${goOn}`, { cause: caught });
  }
  return [last === undefined || last.done === 0 ? nothing : `${done}: ${last.done}`];
}

function parseRequest([command, ...args]: readonly string[]): RemapRequest & { readonly reason: RemapReason } {
  try {
    const { values } = parseArgs({
      args,
      options: {
        ...(command === "remap" ? { settings: { type: "boolean" } as const } : {}),
        project: { type: "string" },
        all: { type: "boolean", default: false },
        after: { type: "string" },
      },
    });
    return {
      reason: command === "reprice" ? "reprice" : "settings" in values && values.settings ? "settings" : "remap",
      all: values.all,
      ...(values.project === undefined ? {} : { projectId: values.project }),
      ...(values.after === undefined ? {} : { after: values.after }),
    };
  } catch (caught) {
    throw new PipelineError("CONFIG_INVALID", `${String(caught)}\n${remapUsage}`, { cause: caught });
  }
}

async function* publishDirectly(request: RemapRequest, environment: Environment): AsyncGenerator<RemapProgress> {
  const schema = z.object({
    ...kafkaSettings,
    ...clickhouseSettings,
    // What projects set is asked only where it decides something.
    DATABASE_URL: request.reason === "remap" ? databaseSettings.DATABASE_URL.optional() : databaseSettings.DATABASE_URL,
    NONET_RECORD_BYTES_MAX: standaloneConfigSchema.shape.NONET_RECORD_BYTES_MAX,
    NONET_OTLP_PUBLISH_TIMEOUT_MS: standaloneConfigSchema.shape.NONET_OTLP_PUBLISH_TIMEOUT_MS,
  });
  // The environment is that of the services: their other settings are no mistake.
  const config = parseConfig(schema, environment, () => undefined);
  await using control = openControlDatabase({ url: config.DATABASE_URL ?? "sqlite::memory:" });
  const client = createStoreClient({ url: config.CLICKHOUSE_URL });
  const publisher = createKafkaPublisher(
    {
      connection: toKafkaConnection(config, "nonet-remap"),
      topic: config.KAFKA_TOPIC,
      topics: {
        names: [config.KAFKA_TOPIC],
        partitionCount: config.KAFKA_TOPIC_PARTITIONS,
        replicationFactor: config.KAFKA_TOPIC_REPLICATION,
        recordBytesMax: config.NONET_RECORD_BYTES_MAX,
      },
      publishTimeoutMs: config.NONET_OTLP_PUBLISH_TIMEOUT_MS,
      batchBytesMax: megabyte,
      queueBytesMax: 16 * megabyte,
    },
    { onError: () => undefined },
  );
  try {
    const inForce = (projectId: string) => loadVersionsInForce(control, projectId);
    yield* remapTraces(request, { client, publisher, inForce, now: Date.now }, new AbortController().signal);
  } finally {
    await publisher.close();
    await client.close();
  }
}
