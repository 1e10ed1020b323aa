/**
 * grpc.health.v1.Health (otlp-receiver.md rule 20): SERVING until drain begins.
 *
 *     HealthCheckRequest { string service = 1 }      HealthCheckResponse { ServingStatus status = 1 }  1 SERVING, 2 NOT_SERVING, 3 SERVICE_UNKNOWN
 */
import { ProtobufReader } from "@nonet/proto/protobuf-reader.ts";

export interface GrpcHealth {
  /** @returns the response message; undefined for a service that is not here (NOT_FOUND). */
  check(request: Uint8Array): Uint8Array | undefined;
  /** Reports the status now and whenever it changes; returns how to stop. */
  watch(request: Uint8Array, report: (response: Uint8Array) => void): () => void;
  startDraining(): void;
}

const services: ReadonlySet<string> = new Set(["", "opentelemetry.proto.collector.trace.v1.TraceService"]);

const serving = Uint8Array.of(0x08, 1);
const notServing = Uint8Array.of(0x08, 2);
const serviceUnknown = Uint8Array.of(0x08, 3);

export function createGrpcHealth(): GrpcHealth {
  let draining = false;
  const watchers = new Set<(response: Uint8Array) => void>();
  return {
    check(request) {
      if (!services.has(serviceOf(request))) return undefined;
      return draining ? notServing : serving;
    },
    watch(request, report) {
      if (!services.has(serviceOf(request))) {
        report(serviceUnknown);
        return () => {};
      }
      report(draining ? notServing : serving);
      watchers.add(report);
      return () => watchers.delete(report);
    },
    startDraining() {
      if (draining) return;
      draining = true;
      for (const report of watchers) report(notServing);
    },
  };
}

/** The service asked for; damaged requests ask for one that is not here. */
function serviceOf(request: Uint8Array): string {
  const reader = new ProtobufReader(request);
  let service = "";
  try {
    while (reader.position < request.length) {
      const tag = reader.readTag(request.length);
      if (tag !== 10) {
        reader.skip(tag & 7, request.length);
        continue;
      }
      const end = reader.readLength(request.length);
      service = reader.bytes.toString("utf8", reader.position, end);
      reader.position = end;
    }
    return service;
  } catch {
    // Not a HealthCheckRequest.
    return "?";
  }
}
