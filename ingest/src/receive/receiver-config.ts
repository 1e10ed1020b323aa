/** What the receiver is configured with, as plain values. Defaults and their reasons: otlp-receiver.md 0.1. */
import { totalmem } from "node:os";
import type { ListenAddress } from "@nonet/proto/listen-address.ts";
import type { IngestConfig } from "../config.ts";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** With it, connections without a certificate of this CA fail in the handshake. */
  readonly clientCaFile: string | undefined;
}

export interface CorsConfig {
  /** Exact, or with `*` for one or more labels: `https://*.example.com`. */
  readonly origins: readonly string[];
  /** Request headers allowed besides content-type. */
  readonly headers: readonly string[];
  readonly maxAgeSeconds: number;
}

export interface ReceiverConfig {
  readonly grpcAddresses: readonly ListenAddress[];
  readonly httpAddresses: readonly ListenAddress[];
  readonly httpPath: string;
  /** Lower case. */
  readonly apiKeyHeader: string;
  /** One request, compressed and decompressed. */
  readonly requestBytesMax: number;
  /** All requests between their first byte and their answer, after decompression. */
  readonly inFlightBytesMax: number;
  /** Work that is let in is done in about this time, see backlog.ts. */
  readonly backlogMsMax: number;
  readonly publishTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** A hint longer than the client's remaining time makes it drop the data. */
  readonly retryHintMs: number;
  readonly retryHintMsMax: number;
  readonly concurrentStreamsMax: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** Longer than the 60 s of common proxies, so that the proxy closes first. */
  readonly idleTimeoutMs: number;
  /** Per tenant; 0 is unlimited. */
  readonly spansPerSecondMax: number;
  readonly tls: TlsFiles | undefined;
  /** How often the files of `tls` are looked at. */
  readonly tlsReloadMs: number;
  readonly cors: CorsConfig | undefined;
}

const mebibyte = 1_048_576;

export const receiverDefaults: ReceiverConfig = {
  grpcAddresses: [
    { host: "127.0.0.1", port: 4317 },
    { host: "::1", port: 4317 },
  ],
  httpAddresses: [
    { host: "127.0.0.1", port: 4318 },
    { host: "::1", port: 4318 },
  ],
  httpPath: "/v1/traces",
  apiKeyHeader: "x-api-key",
  requestBytesMax: 64 * mebibyte,
  inFlightBytesMax: 256 * mebibyte,
  backlogMsMax: 1_500,
  publishTimeoutMs: 8_000,
  drainTimeoutMs: 25_000,
  retryHintMs: 1_000,
  retryHintMsMax: 5_000,
  concurrentStreamsMax: 256,
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  idleTimeoutMs: 90_000,
  spansPerSecondMax: 0,
  tls: undefined,
  tlsReloadMs: 5_000,
  cors: undefined,
};

export function toReceiverConfig(config: IngestConfig): ReceiverConfig {
  const origins = listOf(config.NONET_OTLP_CORS_ORIGINS);
  return {
    ...receiverDefaults,
    grpcAddresses: config.NONET_OTLP_GRPC_ADDRESS,
    httpAddresses: config.NONET_OTLP_HTTP_ADDRESS,
    apiKeyHeader: config.NONET_OTLP_API_KEY_HEADER.toLowerCase(),
    requestBytesMax: config.NONET_OTLP_REQUEST_BYTES_MAX,
    inFlightBytesMax: inFlightBytesLimit(config.NONET_OTLP_IN_FLIGHT_BYTES_MAX),
    backlogMsMax: config.NONET_OTLP_BACKLOG_MS_MAX,
    publishTimeoutMs: config.NONET_OTLP_PUBLISH_TIMEOUT_MS,
    drainTimeoutMs: config.NONET_OTLP_DRAIN_TIMEOUT_MS,
    spansPerSecondMax: config.NONET_OTLP_RATE_SPANS_PER_SECOND,
    tls: tlsFiles(config),
    cors:
      origins.length === 0
        ? undefined
        : { origins, headers: listOf(config.NONET_OTLP_CORS_HEADERS), maxAgeSeconds: 7_200 },
  };
}

function tlsFiles(config: IngestConfig): TlsFiles | undefined {
  const certFile = config.NONET_OTLP_TLS_CERT_FILE;
  const keyFile = config.NONET_OTLP_TLS_KEY_FILE;
  const clientCaFile = config.NONET_OTLP_TLS_CLIENT_CA_FILE;
  if (certFile === undefined && keyFile === undefined && clientCaFile === undefined) return undefined;
  // A file that was not named is reported when it is read, with the setting's name.
  return { certFile: certFile ?? "", keyFile: keyFile ?? "", clientCaFile };
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

/** Never more than a quarter of the memory. */
export function inFlightBytesLimit(configured: number): number {
  return Math.min(configured, Math.floor(memoryLimit() / 4));
}

/** What the container or machine gives to this process. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}
