/** The receiver of most cells: standalone, restarted in the middle, and its store read after its end. */
import { randomBytes } from "node:crypto";
import { exportJson, modelCall, requestOf, untilQueryable } from "../e2e/export-client.ts";
import type { ShapeUnderTest } from "../e2e/shape-under-test.ts";
import { startStandaloneFixture } from "../e2e/standalone-fixture.ts";
import { readStoredSpansOf, type StoredSpans } from "./stored-spans.ts";

export interface InteropReceiver {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly apiKey: string;
  readonly shape: ShapeUnderTest;
  /** Spans that the running process has acknowledged. */
  accepted(): Promise<number>;
  /** Ends the process by the signal, waits for its end, starts it again and waits until it is ready. */
  restart(signal: NodeJS.Signals): Promise<void>;
  /** Waits until everything acknowledged so far can be queried. */
  settle(): Promise<void>;
  /** Ends the process for good. */
  stored(): Promise<StoredSpans>;
  close(): Promise<void>;
}

export async function startStandaloneReceiver(environment: Record<string, string> = {}): Promise<InteropReceiver> {
  const fixture = await startStandaloneFixture({ NONET_API_RATE_PER_MINUTE: "0", ...environment });
  const end = async (signal: NodeJS.Signals) => {
    fixture.process().signal(signal);
    const code = await fixture.process().exited;
    if (signal === "SIGTERM" && code !== 0) throw new Error(`standalone ended with ${code} after SIGTERM`);
  };
  return {
    grpcUrl: fixture.grpcUrl,
    httpUrl: fixture.httpUrl,
    apiKey: fixture.apiKey,
    shape: fixture,
    accepted: () => readAcceptedSpans(fixture.adminUrl),
    async restart(signal) {
      await end(signal);
      await fixture.restart();
    },
    async settle() {
      // The log of standalone has one order: when a span that came last can be queried, so can all before it.
      const ids = { traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") };
      const { receipt } = await exportJson(fixture, requestOf([modelCall({ ...ids, sessionId: "interop-marker" })]));
      await untilQueryable(fixture, receipt, 120_000);
    },
    async stored() {
      await end("SIGTERM");
      return readStoredSpansOf(fixture.dataDirectory);
    },
    close: () => fixture.close(),
  };
}

/** Of all transports together. */
export async function readAcceptedSpans(adminUrl: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return [...text.matchAll(/^nonet_receive_spans_accepted\{.*\} (\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
}
