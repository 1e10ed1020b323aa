/** One of several ingest processes behind the same ports, see worker-pool.ts. */
import process from "node:process";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { Registry } from "prom-client";
import type { Ingest } from "../service.ts";
import type { FromWorker, PaidSpans, ToWorker } from "./worker-messages.ts";

export interface RunningWorker {
  readonly ingest: Ingest;
  readonly registry: Registry;
  close(): Promise<void>;
}

/** How often workers tell each other what tenants have sent; in between a tenant may be ahead of its rate by as much. */
const paidEveryMs = 100;

/**
 * @param start gets what to call for spans that a tenant sent here.
 * @returns `drained` when it was told to and has; `failed` when it could not start, after saying why.
 */
export async function runWorker(
  start: (onPaid: (tenantId: string, spans: number) => void) => Promise<RunningWorker>,
): Promise<"drained" | "failed"> {
  const drain = Promise.withResolvers<void>();
  const paid = new Map<string, number>();
  let running: RunningWorker | undefined;
  process.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "drain":
        drain.resolve();
        break;
      case "paid":
        for (const [tenantId, spans] of message.spans) running?.ingest.receiver.payElsewhere(tenantId, spans);
        break;
      case "report":
        void report(message.id, running);
        break;
      default:
        message satisfies never;
    }
  });
  try {
    running = await start((tenantId, spans) => paid.set(tenantId, (paid.get(tenantId) ?? 0) + spans));
  } catch (caught) {
    const error = PipelineError.from(caught);
    const message = error.message.replace(/^\[[A-Z_]+\] /, "");
    await send({ kind: "failed", code: error.code, message });
    return "failed";
  }
  const telling = setInterval(() => {
    if (paid.size === 0) return;
    void send({ kind: "paid", spans: [...paid] } satisfies PaidSpans);
    paid.clear();
  }, paidEveryMs).unref();
  const { grpcAddresses, httpAddresses } = running.ingest.receiver;
  await send({ kind: "started", grpc: grpcAddresses, http: httpAddresses });
  await drain.promise;
  clearInterval(telling);
  await running.close();
  return "drained";
}

async function report(id: number, running: RunningWorker | undefined): Promise<void> {
  const metrics = running === undefined ? [] : await running.registry.getMetricsAsJSON();
  await send({ kind: "report", id, report: { ready: running?.ingest.isReady() ?? false, metrics } });
}

/** Resolves also when the other side has gone: this process then ends anyway. */
function send(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, () => resolve());
    else resolve();
  });
}
