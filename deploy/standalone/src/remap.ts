/**
 * `nonet remap`: brings stored history to the mapping in force. A running standalone does it when asked on its admin port, as it owns the log
 * and the store; where KAFKA_BROKERS is set, this process reads the store and publishes itself.
 */
import { parseArgs } from "node:util";
import { createKafkaPublisher } from "@nonet/ingest/publish/kafka-publisher.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { adminCommandHeader } from "@nonet/proto/admin-server.ts";
import { clickhouseSettings, kafkaSettings, toKafkaConnection } from "@nonet/proto/connection-settings.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { formatAddress } from "@nonet/proto/listen-address.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { z } from "zod";
import { standaloneConfigSchema } from "./config.ts";
import { queryOf, remapPath } from "./remap-request.ts";
import { type RemapProgress, type RemapRequest, remapTraces } from "./remap-traces.ts";

export const remapUsage = `nonet remap [--project ID] [--all] [--after PROJECT/TRACE_ID]
                         maps stored traces of older mapping versions again, with --all every trace, while ingest runs;
                         asks the standalone at NONET_ADMIN_ADDRESS, or uses KAFKA_BROKERS and CLICKHOUSE_URL`;

const megabyte = 1_048_576;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param args what follows `nonet remap`.
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
  const isDistributed = (environment["KAFKA_BROKERS"] ?? "") !== "";
  let last: RemapProgress | undefined;
  try {
    for await (const progress of isDistributed
      ? publishDirectly(request, environment)
      : askStandalone(request, environment)) {
      last = progress;
      if (!progress.finished) tell(`${progress.done} of ${progress.total} traces, up to ${progress.after}`);
    }
  } catch (caught) {
    const error = PipelineError.from(caught);
    const goOn = last === undefined || last.after === "" ? "" : `; go on with --after ${last.after}`;
    throw new PipelineError(error.code, `${error.message}${goOn}`, { cause: caught });
  }
  return [last === undefined || last.done === 0 ? "nothing to map again" : `traces mapped again: ${last.done}`];
}

function parseRequest(args: readonly string[]): RemapRequest {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        project: { type: "string" },
        all: { type: "boolean", default: false },
        after: { type: "string" },
      },
    });
    return {
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
    NONET_RECORD_BYTES_MAX: standaloneConfigSchema.shape.NONET_RECORD_BYTES_MAX,
    NONET_OTLP_PUBLISH_TIMEOUT_MS: standaloneConfigSchema.shape.NONET_OTLP_PUBLISH_TIMEOUT_MS,
  });
  // The environment is that of the services: their other settings are no mistake.
  const config = parseConfig(schema, environment, () => undefined);
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
    yield* remapTraces(request, { client, publisher, now: Date.now }, new AbortController().signal);
  } finally {
    await publisher.close();
    await client.close();
  }
}

async function* askStandalone(request: RemapRequest, environment: Environment): AsyncGenerator<RemapProgress> {
  const schema = standaloneConfigSchema.pick({ NONET_ADMIN_ADDRESS: true });
  const address = formatAddress(parseConfig(schema, environment, () => undefined).NONET_ADMIN_ADDRESS);
  const url = `http://${address}${remapPath}?${queryOf(request)}`;
  const response = await fetch(url, { method: "POST", headers: { [adminCommandHeader]: "remap" } }).catch((caught) => {
    throw new PipelineError(
      "STORE_UNAVAILABLE",
      `no standalone answers at ${address}: start it, or set NONET_ADMIN_ADDRESS`,
      {
        cause: caught,
      },
    );
  });
  if (!response.ok || response.body === null) {
    throw new PipelineError("STORE_UNAVAILABLE", `${address} answered ${response.status}: ${await response.text()}`);
  }
  let rest = "";
  let ended = false;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      // `as`: the lines of remapTraces, or an error of the admin server.
      const said = JSON.parse(line) as RemapProgress | { error: string };
      if ("error" in said) throw new PipelineError("STORE_UNAVAILABLE", said.error);
      ended = said.finished;
      yield said;
    }
  }
  if (!ended) throw new PipelineError("STORE_UNAVAILABLE", "standalone ended before all was mapped");
}
