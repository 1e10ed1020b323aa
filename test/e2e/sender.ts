/** A sender that retries as OTLP says: connection failures, 429, 502, 503 and 504 until they are cured; everything else is final. */
import { setTimeout as delay } from "node:timers/promises";

export interface SendOptions {
  /** Requests in flight. */
  concurrency: number;
  withinMs: number;
  apiKey?: string;
  /** Told after each acknowledged request, with its index. */
  onAcknowledged?(index: number): void;
}

/** Posts each body to `<httpUrl>/v1/traces` until it is acknowledged. Order between requests is not kept. */
export async function sendAll(httpUrl: string, bodies: readonly Uint8Array[], options: SendOptions): Promise<void> {
  const deadline = Date.now() + options.withinMs;
  let next = 0;
  async function worker(): Promise<void> {
    while (next < bodies.length) {
      const index = next;
      next += 1;
      await sendOne(httpUrl, bodies[index] ?? new Uint8Array(), deadline, options.apiKey);
      options.onAcknowledged?.(index);
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, worker));
}

const retryableStatus = new Set([429, 502, 503, 504]);

async function sendOne(httpUrl: string, body: Uint8Array, deadline: number, apiKey: string | undefined): Promise<void> {
  let last = "";
  while (Date.now() < deadline) {
    try {
      const response = await fetch(`${httpUrl}/v1/traces`, {
        method: "POST",
        headers: {
          "content-type": "application/x-protobuf",
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body,
        signal: AbortSignal.timeout(10_000),
      });
      const answer = await response.bytes();
      if (response.status === 200) {
        if (answer.length > 0) throw new FinalAnswer(`partial success: ${Buffer.from(answer).toString("latin1")}`);
        return;
      }
      last = `HTTP ${response.status}`;
      if (!retryableStatus.has(response.status)) throw new FinalAnswer(last);
    } catch (caught) {
      if (caught instanceof FinalAnswer) throw caught;
      last = String(caught);
    }
    await delay(50);
  }
  throw new Error(`not acknowledged in time; last: ${last}`);
}

class FinalAnswer extends Error {}
