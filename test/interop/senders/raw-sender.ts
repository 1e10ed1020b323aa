/**
 * Raw clients of the matrix, without an SDK: @grpc/grpc-js for gRPC, fetch for HTTP. They send the one-span request of otlp-receiver.md 5.3 again
 * and again with other ids, a hundred of them one after another, which protobuf reads as one request of a hundred resources.
 */
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { ChannelCredentials, Client, compressionAlgorithms, Metadata, type ServiceError } from "@grpc/grpc-js";
import { spanIdOf, spansPerTrace, traceIdOf } from "../span-plan.ts";

/** Contract 5.3: one span "a", internal, resource `service.name`="s"; 80 bytes. */
const referenceRequest = Buffer.from(
  "0a4e0a150a130a0c736572766963652e6e616d6512030a017312351233" +
    "0a105b8efff798038103d269b633813fc60c1208eee19b7ec3c1b1742a0161300139004859e3faeb6f15410012f41efbeb6f15",
  "hex",
);
const traceIdOffset = referenceRequest.indexOf(Buffer.from("5b8efff798038103d269b633813fc60c", "hex"));
const spanIdOffset = referenceRequest.indexOf(Buffer.from("eee19b7ec3c1b174", "hex"));
const spansPerRequest = 100;
const retryMs = 100;

const prefix = process.env["INTEROP_PREFIX"] ?? "";
const spanCount = Number(process.env["INTEROP_SPANS"]);
const endpoint = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "";
const protocol = process.env["OTEL_EXPORTER_OTLP_PROTOCOL"];
const compression = process.env["OTEL_EXPORTER_OTLP_COMPRESSION"] ?? "none";
const authorization = `Bearer ${process.env["INTEROP_API_KEY"]}`;

/** Resolves when the request is acknowledged, throws `FinalAnswer` when the answer is final, and another error when it may be sent again. */
type Send = (spanNumbers: readonly number[]) => Promise<void>;
class FinalAnswer extends Error {}

const send = protocol === "grpc" ? createGrpcSend() : createHttpSend();
for (let first = 1; first <= spanCount; first += spansPerRequest) {
  const numbers = Array.from({ length: Math.min(spansPerRequest, spanCount - first + 1) }, (_, n) => first + n);
  await sendUntilAcknowledged(numbers);
  console.log(JSON.stringify({ acknowledged: numbers.map((number) => spanIdOf(prefix, number)) }));
  await delay(Number(process.env["INTEROP_PAUSE_MS"]) * (spansPerRequest / spansPerTrace));
}

async function sendUntilAcknowledged(numbers: readonly number[]): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await send(numbers);
    } catch (caught) {
      if (caught instanceof FinalAnswer || Date.now() > deadline) throw caught;
    }
    await delay(retryMs);
  }
}

function toProtobuf(numbers: readonly number[]): Buffer {
  return Buffer.concat(
    numbers.map((number) => {
      const request = Buffer.from(referenceRequest);
      request.write(traceIdOf(prefix, Math.ceil(number / spansPerTrace)), traceIdOffset, "hex");
      request.write(spanIdOf(prefix, number), spanIdOffset, "hex");
      return request;
    }),
  );
}

/** The same request in JSON. */
function toJson(numbers: readonly number[]): Buffer {
  const resourceSpans = numbers.map((number) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: "s" } }] },
    scopeSpans: [
      {
        spans: [
          {
            traceId: traceIdOf(prefix, Math.ceil(number / spansPerTrace)),
            spanId: spanIdOf(prefix, number),
            name: "a",
            kind: 1,
            startTimeUnixNano: "1544712660000000000",
            endTimeUnixNano: "1544712661000000000",
          },
        ],
      },
    ],
  }));
  return Buffer.from(JSON.stringify({ resourceSpans }));
}

function createHttpSend(): Send {
  const isJson = protocol === "http/json";
  const compress = { none: (body: Buffer) => body, gzip: gzipSync, zstd: zstdCompressSync }[compression];
  if (compress === undefined) throw new Error(`no compression ${compression} over HTTP`);
  const headers: Record<string, string> = {
    authorization,
    "content-type": isJson ? "application/json" : "application/x-protobuf",
    ...(compression === "none" ? {} : { "content-encoding": compression }),
  };
  return async (numbers) => {
    const body = compress(isJson ? toJson(numbers) : toProtobuf(numbers));
    const response = await fetch(`${endpoint}/v1/traces`, { method: "POST", headers, body: new Uint8Array(body) });
    const answer = await response.text();
    if (response.status === 200 && answer === (isJson ? "{}" : "")) return;
    const message = `HTTP ${response.status} ${answer}`;
    throw [429, 502, 503, 504].includes(response.status) ? new Error(message) : new FinalAnswer(message);
  };
}

function createGrpcSend(): Send {
  const client = new Client(new URL(endpoint).host, ChannelCredentials.createInsecure(), {
    "grpc.default_compression_algorithm": compression === "gzip" ? compressionAlgorithms.gzip : 0,
    "grpc.initial_reconnect_backoff_ms": retryMs,
    "grpc.max_reconnect_backoff_ms": retryMs,
  });
  const metadata = new Metadata();
  metadata.set("authorization", authorization);
  const retryableCodes = new Set([1, 4, 10, 11, 14, 15]);
  return (numbers) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest<Buffer, Buffer>(
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        (request) => request,
        (answer) => answer,
        toProtobuf(numbers),
        metadata,
        { deadline: Date.now() + 10_000 },
        (error: ServiceError | null, answer?: Buffer) => {
          if (error === null && answer?.length === 0) resolve();
          else if (error !== null && retryableCodes.has(error.code)) reject(error);
          else reject(new FinalAnswer(error?.message ?? `answer ${answer?.toString("hex")}`));
        },
      );
    });
}
