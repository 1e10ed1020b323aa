/** What the Go SDK, a Collector and telemetrygen once sent, byte by byte, against the receiver of today. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadCaptures } from "./captures.ts";
import { replayConnection } from "./replay.ts";
import { type InteropReceiver, startStandaloneReceiver } from "./standalone-receiver.ts";

const captures = loadCaptures();
let receiver: InteropReceiver;

beforeAll(async () => {
  receiver = await startStandaloneReceiver();
});

afterAll(async () => {
  await receiver?.close();
});

test("the Go SDK, the Collector and telemetrygen are there over both transports, plain and compressed", () => {
  expect(captures.map(({ name }) => name).sort()).toEqual([
    "OpenTelemetry Collector grpc",
    "OpenTelemetry Collector grpc gzip",
    "OpenTelemetry Collector grpc zstd",
    "OpenTelemetry Collector http/json",
    "OpenTelemetry Collector http/protobuf",
    "OpenTelemetry Collector http/protobuf gzip",
    "OpenTelemetry Collector http/protobuf zstd",
    "OpenTelemetry Go SDK grpc",
    "OpenTelemetry Go SDK grpc gzip",
    "OpenTelemetry Go SDK http/protobuf",
    "OpenTelemetry Go SDK http/protobuf gzip",
    "telemetrygen grpc",
    "telemetrygen http/protobuf",
  ]);
});

// Whole, as few packets as there can be; and cut at odd places, inside every header, frame and message.
test.each(
  captures.flatMap((capture) => [
    { capture, pieceBytes: 65_536 },
    { capture, pieceBytes: 1_021 },
  ]),
)("$capture.name in pieces of $pieceBytes bytes is answered with full success", async ({ capture, pieceBytes }) => {
  const url = capture.transport === "grpc" ? receiver.grpcUrl : receiver.httpUrl;
  for (const text of capture.connections) {
    const recording = { transport: capture.transport, bytes: Buffer.from(text, "base64") };
    const { answers, requestCount, errorCode } = await replayConnection(url, recording, pieceBytes);
    // An empty ExportTraceServiceResponse each.
    const success = capture.transport === "grpc" ? "message 0000000000" : `200 ${isJson(capture.name) ? "{}" : ""}`;
    expect(answers).toEqual(Array.from({ length: requestCount }, () => success));
    expect(errorCode).toBe(0);
  }
});

test("the store has exactly the recorded spans, each once, although all came twice", async () => {
  await receiver.settle();
  const stored = await receiver.stored();
  const recorded = new Set(captures.flatMap(({ keys }) => keys));
  expect(stored.doubled).toEqual([]);
  expect([...recorded].filter((key) => !stored.keys.has(key))).toEqual([]);
  // One span more, by which the test saw that all was stored.
  expect(stored.keys.size).toBe(recorded.size + 1);
});

function isJson(name: string): boolean {
  return name.endsWith("json");
}
