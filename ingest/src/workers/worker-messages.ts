/** What the process that holds the ports and its workers tell each other. */
import type { ErrorCode } from "@nonet/proto/errors.ts";
import type { ListenAddress } from "@nonet/proto/listen-address.ts";

export type ToWorker =
  /** Answered with a report. */
  | { readonly kind: "report"; readonly id: number }
  | { readonly kind: "drain" }
  /** What other workers accepted. */
  | PaidSpans;

export type FromWorker =
  | { readonly kind: "started"; readonly grpc: readonly ListenAddress[]; readonly http: readonly ListenAddress[] }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: "report"; readonly id: number; readonly report: WorkerReport }
  | PaidSpans;

export interface WorkerReport {
  readonly ready: boolean;
  /** `Registry.getMetricsAsJSON`. */
  readonly metrics: readonly object[];
}

/** Spans by tenant, for a rate that holds over all workers. */
export interface PaidSpans {
  readonly kind: "paid";
  readonly spans: readonly (readonly [tenantId: string, spans: number])[];
}
