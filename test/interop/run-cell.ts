/** One cell of the matrix: spans with known ids through a sender, the receiver restarted in the middle, and what is stored compared. */
import { randomBytes } from "node:crypto";
import { eventually } from "../e2e/service-process.ts";
import { startFront } from "./front.ts";
import { keysOfConnection } from "./request-keys.ts";
import type { Compression, Protocol, Sender } from "./senders/sender.ts";
import { plannedKeys, type SpanPlan } from "./span-plan.ts";
import type { InteropReceiver } from "./standalone-receiver.ts";
import type { StoredSpans } from "./stored-spans.ts";

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
  /** Meaningless where `hasOwnIds`. */
  readonly plan: SpanPlan;
  /** From the signal to the receiver's being ready again. */
  readonly awayMs: number;
}

/** @returns when the sender has ended and all that was acknowledged can be queried. */
export async function sendThroughRestart(receiver: InteropReceiver, options: SendOptions): Promise<Sent> {
  const upstream = options.protocol === "grpc" ? receiver.grpcUrl : receiver.httpUrl;
  const needsFront = options.behindLoadBalancer || options.hasOwnIds;
  const front = needsFront
    ? await startFront({ upstream, answersForUpstream: options.behindLoadBalancer && options.protocol !== "grpc" })
    : undefined;
  try {
    const prefix = newPrefix();
    const { protocol, compression, spanCount, pauseMs } = options;
    const acceptedBefore = await receiver.accepted();
    const sending = options.send({
      protocol,
      compression,
      endpoint: front?.url ?? upstream,
      apiKey: receiver.apiKey,
      prefix,
      spanCount,
      pauseMs,
    });
    const restarting = restartInTheMiddle(receiver, acceptedBefore, options);
    // A sender that fails at once must not wait for a middle that never comes.
    const [result, awayMs] = await Promise.all([sending, restarting]);
    await receiver.settle();
    const transport = protocol === "grpc" ? "grpc" : "http";
    const keys = options.hasOwnIds
      ? new Set(front?.connections().flatMap((bytes) => keysOfConnection(transport, bytes)))
      : plannedKeys({ prefix, spanCount });
    return { keys, ...result, plan: { prefix, spanCount }, awayMs };
  } finally {
    await front?.close();
  }
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
