/** What the receiver reports about itself (otlp-receiver.md section 9). Accepted and rejected spans together equal the received, exactly. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RefusalCode } from "./status.ts";

export type Transport = "grpc" | "http";
export type Encoding = "protobuf" | "json";

export interface Origin {
  readonly transport: Transport;
  readonly encoding: Encoding;
}

export interface ReceiveMetrics {
  request(origin: Origin): void;
  refused(origin: Origin, code: RefusalCode): void;
  received(origin: Origin, spans: number): void;
  accepted(origin: Origin, spans: number): void;
  /** @param reason one of a closed set. */
  rejected(origin: Origin, reason: string, spans: number): void;
  bytes(origin: Origin, sizes: { readonly before: number; readonly after: number }): void;
  durableAfter(seconds: number): void;
}

export interface ReceiveGauges {
  inFlightBytes(): number;
  inFlightRequests(): number;
  backlogBytes(): number;
  openConnections(transport: Transport): number;
}

export function createReceiveMetrics(registry: Registry, gauges: ReceiveGauges): ReceiveMetrics {
  const counter = (name: string, help: string, ...labels: string[]): Counter =>
    new Counter({
      name: `nonet_receive_${name}`,
      help,
      labelNames: ["transport", "encoding", ...labels],
      registers: [registry],
    });
  const requests = counter("requests", "Export requests, whatever became of them");
  const requestsRefused = counter("requests_refused", "Export requests answered with an error, by cause", "code");
  const spansReceived = counter("spans_received", "Spans of requests that could be decoded");
  const spansAccepted = counter("spans_accepted", "Spans that are durable in the log");
  const spansRejected = counter("spans_rejected", "Spans received and not accepted, by reason", "reason");
  const bytesBefore = counter("body_bytes", "Bytes of request bodies as they came");
  const bytesAfter = counter("decompressed_bytes", "Bytes of request bodies after decompression");
  const durable = new Histogram({
    name: "nonet_receive_durable_seconds",
    help: "Time from a whole request to its spans being durable",
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8],
    registers: [registry],
  });
  gauge(registry, "in_flight_bytes", "Bytes of requests between their first byte and their answer", (each) =>
    each.set(gauges.inFlightBytes()),
  );
  gauge(registry, "in_flight_requests", "Requests between their headers and their answer", (each) =>
    each.set(gauges.inFlightRequests()),
  );
  gauge(registry, "backlog_bytes", "Bytes of whole requests that wait for their turn or for the log", (each) =>
    each.set(gauges.backlogBytes()),
  );
  new Gauge({
    name: "nonet_receive_open_connections",
    help: "Open connections",
    labelNames: ["transport"],
    registers: [registry],
    collect() {
      this.set({ transport: "grpc" }, gauges.openConnections("grpc"));
      this.set({ transport: "http" }, gauges.openConnections("http"));
    },
  });
  return {
    request: ({ transport, encoding }) => requests.inc({ transport, encoding }),
    refused: ({ transport, encoding }, code) => requestsRefused.inc({ transport, encoding, code: code.toLowerCase() }),
    received: ({ transport, encoding }, spans) => spansReceived.inc({ transport, encoding }, spans),
    accepted: ({ transport, encoding }, spans) => spansAccepted.inc({ transport, encoding }, spans),
    rejected: ({ transport, encoding }, reason, spans) => spansRejected.inc({ transport, encoding, reason }, spans),
    bytes: ({ transport, encoding }, { before, after }) => {
      bytesBefore.inc({ transport, encoding }, before);
      bytesAfter.inc({ transport, encoding }, after);
    },
    durableAfter: (seconds) => durable.observe(seconds),
  };
}

function gauge(registry: Registry, name: string, help: string, collect: (gauge: Gauge) => void): void {
  new Gauge({
    name: `nonet_receive_${name}`,
    help,
    registers: [registry],
    collect() {
      collect(this);
    },
  });
}
