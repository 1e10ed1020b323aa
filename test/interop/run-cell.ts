/** One cell of the matrix: spans with known ids through a sender, the receiver restarted in the middle, and what is stored compared. */
import { randomBytes } from "node:crypto";
import { eventually } from "../e2e/service-process.ts";
import { startLoadBalancer } from "./load-balancer.ts";
import { keysOfConnection } from "./request-keys.ts";
import type { Compression, Protocol, Sender } from "./senders/sender.ts";
import { plannedKeys, type SpanPlan } from "./span-plan.ts";
import type { InteropReceiver } from "./standalone-receiver.ts";
import type { StoredSpans } from "./stored-spans.ts";
import { startTap } from "./tap.ts";

export interface SendOptions {
  readonly send: Sender;
  readonly protocol: Protocol;
  readonly compression: Compression;
  readonly spanCount: number;
  readonly pauseMs: number;
  readonly restart: NodeJS.Signals;
  /** Goes through a load balancer's stand-in, which answers while the receiver is away. */
  readonly behindLoadBalancer: boolean;
  /** The sender makes ids of its own, which are read off the wire. */
  readonly hasOwnIds: boolean;
}

export interface Sent {
  /** `traceId/spanId` of every span that the sender made, or that was seen on the wire. */
  readonly keys: ReadonlySet<string>;
  /** Span ids. */
  readonly acknowledged: ReadonlySet<string>;
  readonly failed: ReadonlySet<string>;
  readonly reason: string;
  /** What the sender was told; telemetrygen makes its own ids. */
  readonly plan: SpanPlan;
  /** From the signal to the receiver's being ready again. */
  readonly awayMs: number;
}

/** @returns when the sender has ended and all that was acknowledged can be queried. */
export async function sendThroughRestart(receiver: InteropReceiver, options: SendOptions): Promise<Sent> {
  const receiverUrl = options.protocol === "grpc" ? receiver.grpcUrl : receiver.httpUrl;
  await using closers = new AsyncDisposableStack();
  const balancer = options.behindLoadBalancer ? await startLoadBalancer(receiverUrl) : undefined;
  closers.defer(async () => balancer?.close());
  const tap = options.hasOwnIds ? await startTap(balancer?.url ?? receiverUrl) : undefined;
  closers.defer(async () => tap?.close());

  const { protocol, compression, spanCount, pauseMs } = options;
  const plan = { prefix: newPrefix(), spanCount };
  const acceptedBefore = await receiver.accepted();
  const sending = options.send({
    ...plan,
    protocol,
    compression,
    endpoint: tap?.url ?? balancer?.url ?? receiverUrl,
    apiKey: receiver.apiKey,
    pauseMs,
  });
  const restarting = restartInTheMiddle(receiver, acceptedBefore, options);
  // A sender that fails at once must not wait for a middle that never comes.
  const [result, awayMs] = await Promise.all([sending, restarting]);
  await receiver.settle();
  const transport = protocol === "grpc" ? "grpc" : "http";
  const keys =
    tap === undefined
      ? plannedKeys(plan)
      : new Set(tap.connections().flatMap((bytes) => keysOfConnection(transport, bytes)));
  return { keys, ...result, plan, awayMs };
}

export function newPrefix(): string {
  return randomBytes(4).toString("hex");
}

async function restartInTheMiddle(receiver: InteropReceiver, before: number, options: SendOptions): Promise<number> {
  await eventually(async () => (await receiver.accepted()) - before >= options.spanCount * 0.3, {
    withinMs: 60_000,
    what: "a third of the spans was accepted",
  });
  const startedMs = performance.now();
  await receiver.restart(options.restart);
  return performance.now() - startedMs;
}

export interface Comparison {
  readonly sent: number;
  readonly stored: number;
  /** Acknowledged, or of a sender that does not tell: sent, and not stored. */
  readonly lost: number;
  readonly doubled: number;
  /** Reported by the sender as failed and not stored. */
  readonly givenUp: number;
}

export function compare(sent: Sent, stored: StoredSpans): Comparison {
  const missing = [...sent.keys].filter((key) => !stored.keys.has(key));
  const givenUp = missing.filter((key) => sent.failed.has(key.split("/")[1] ?? ""));
  return {
    sent: sent.keys.size,
    stored: sent.keys.size - missing.length,
    lost: missing.length - givenUp.length,
    doubled: stored.doubled.filter((key) => sent.keys.has(key)).length,
    givenUp: givenUp.length,
  };
}
