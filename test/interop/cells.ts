/** The cells of otlp-receiver.md section 10, and how each is run. */
import { collectorSender } from "./senders/collector-sender.ts";
import {
  type Compression,
  goSender,
  jsSender,
  type Protocol,
  pythonSender,
  rawSender,
  type Sender,
  telemetrygen,
} from "./senders/sender.ts";

export interface Cell {
  /** A row of the matrix, and a key of the versions. */
  readonly sender: SenderName;
  readonly send: Sender;
  readonly protocol: Protocol;
  readonly compression: Compression;
  readonly restart: "SIGKILL" | "SIGTERM";
  readonly behindLoadBalancer: boolean;
  readonly hasOwnIds: boolean;
  /** Its spans are those of an agent. */
  readonly hasEvents: boolean;
}

export type SenderName =
  | "OpenTelemetry JS SDK"
  | "OpenTelemetry Python SDK"
  | "OpenTelemetry Go SDK"
  | "OpenTelemetry Collector"
  | "telemetrygen"
  | "browser SDK with CORS"
  | "raw client";

const wires: readonly (readonly [Protocol, Compression])[] = [
  ["grpc", "none"],
  ["grpc", "gzip"],
  ["grpc", "zstd"],
  ["http/protobuf", "none"],
  ["http/protobuf", "gzip"],
  ["http/protobuf", "zstd"],
  ["http/json", "none"],
];

/** @param browser a started page, when the cell of the browser is wanted. */
export function listCells(browser: Sender): Cell[] {
  return [
    ...cellsOf("OpenTelemetry JS SDK", jsSender, (_, compression) => compression !== "zstd"),
    ...cellsOf("OpenTelemetry Python SDK", pythonSender, isPlainOrGzip),
    ...cellsOf("OpenTelemetry Go SDK", goSender, isPlainOrGzip),
    ...cellsOf("OpenTelemetry Collector", collectorSender, () => true),
    ...cellsOf(
      "telemetrygen",
      telemetrygen,
      (protocol, compression) => compression === "none" && protocol !== "http/json",
    ),
    ...cellsOf("browser SDK with CORS", browser, (protocol) => protocol === "http/json"),
    ...cellsOf("raw client", rawSender, (protocol, compression) => protocol !== "grpc" || compression !== "zstd"),
  ];
}

/** What the Python and Go SDKs can send. */
function isPlainOrGzip(protocol: Protocol, compression: Compression): boolean {
  return compression !== "zstd" && protocol !== "http/json";
}

function cellsOf(
  sender: SenderName,
  send: Sender,
  has: (protocol: Protocol, compression: Compression) => boolean,
): Cell[] {
  return wires
    .filter(([protocol, compression]) => has(protocol, compression))
    .map(([protocol, compression], index) => ({
      sender,
      send,
      protocol,
      compression,
      // Both ways of ending, over the cells of a sender.
      restart: index % 2 === 0 ? "SIGKILL" : "SIGTERM",
      behindLoadBalancer: protocol !== "grpc" && (sender === "OpenTelemetry Go SDK" || sender === "telemetrygen"),
      hasOwnIds: sender === "telemetrygen",
      hasEvents: sender !== "telemetrygen" && sender !== "raw client",
    }));
}
