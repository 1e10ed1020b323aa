/**
 * Two overloads (otlp-receiver.md rule 77, issue 4): more requests than one core can do, and a log that takes nothing.
 *
 * Goodput is compared by CPU as well as by the clock: accepted spans for each CPU second of the process say what a flood costs it whatever else
 * the machine does meanwhile.
 */
import { setTimeout as delay } from "node:timers/promises";
import { cpuSecondsOf, residentMegabytesOf } from "../../bench/process-usage.ts";
import { runFlood } from "./flood.ts";
import type { FloodOptions, FloodResult } from "./flood-options.ts";
import type { OverloadTarget } from "./overload-target.ts";

/** As SDKs do. */
const timeoutMs = 10_000;

export interface Phase {
  readonly result: FloodResult;
  readonly spansPerSecond: number;
  readonly spansPerCpuSecond: number;
  readonly peakMegabytes: number;
}

export interface FloodMeasured {
  readonly peak: Phase;
  readonly flood: Phase;
  /** Of the flood to the peak. */
  readonly byCpu: number;
  readonly byClock: number;
}

export interface FloodSettings {
  readonly transport: "http" | "grpc";
  readonly spansPerRequest: number;
  /** Times the capacity. */
  readonly times: number;
  readonly peakMs: number;
  readonly floodMs: number;
}

/** As much as it can do with senders that wait for their answers, then the same with senders that do not, side by side. */
export async function measureFlood(target: OverloadTarget, settings: FloodSettings): Promise<FloodMeasured> {
  const { transport, spansPerRequest } = settings;
  const common = {
    ...{ transport, spansPerRequest, timeoutMs, apiKey: target.apiKey, obeysHints: false },
    port: transport === "http" ? target.httpPort : target.grpcPort,
  };
  const peak = await measure(target, {
    ...common,
    connections: 8,
    callsPerConnection: 2 ** (transport === "grpc" ? 1 : 0),
    requestsPerSecond: 0,
    durationMs: settings.peakMs,
  });
  const requestsPerSecond = (settings.times * peak.spansPerSecond) / spansPerRequest;
  // Enough callers for the answers to take some seconds.
  const callers = Math.min(1_024, Math.max(256, Math.ceil(requestsPerSecond * 4)));
  const connections = transport === "http" ? callers : 16;
  const flood = await measure(target, {
    ...common,
    connections,
    callsPerConnection: Math.ceil(callers / connections),
    requestsPerSecond,
    durationMs: settings.floodMs,
  });
  return {
    ...{ peak, flood },
    byCpu: flood.spansPerCpuSecond / peak.spansPerCpuSecond,
    byClock: flood.spansPerSecond / peak.spansPerSecond,
  };
}

async function measure(target: OverloadTarget, options: FloodOptions): Promise<Phase> {
  let peakMegabytes = residentMegabytesOf(target.pid);
  const sampling = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, residentMegabytesOf(target.pid));
  }, 100);
  const cpuBefore = cpuSecondsOf(target.pid);
  const result = await runFlood(options).finally(() => clearInterval(sampling));
  return {
    result,
    spansPerSecond: result.acceptedSpans / (result.elapsedMs / 1_000),
    spansPerCpuSecond: result.acceptedSpans / (cpuSecondsOf(target.pid) - cpuBefore),
    peakMegabytes: Math.round(peakMegabytes),
  };
}

export interface StoppedLogMeasured {
  /** While the log was stopped, 64 senders over both transports. */
  readonly stopped: readonly FloodResult[];
  readonly peakMegabytes: number;
  /** From the log's return to the first success. */
  readonly recoveredAfterMs: number;
}

export async function measureStoppedLog(target: OverloadTarget, stoppedMs: number): Promise<StoppedLogMeasured> {
  let peakMegabytes = 0;
  const sampling = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, residentMegabytesOf(target.pid));
  }, 100);
  const push = (durationMs: number): Promise<FloodResult>[] =>
    (["http", "grpc"] as const).map((transport) =>
      runFlood({
        ...{ transport, durationMs, timeoutMs, apiKey: target.apiKey, obeysHints: false },
        port: transport === "http" ? target.httpPort : target.grpcPort,
        connections: transport === "http" ? 32 : 8,
        callsPerConnection: transport === "http" ? 1 : 4,
        spansPerRequest: 256,
        requestsPerSecond: 100,
      }),
    );
  try {
    target.stopLog();
    const stopped = await Promise.all(push(stoppedMs));
    const returnsMs = Date.now() + 1_500;
    const after = push(8_000);
    await delay(returnsMs - Date.now());
    target.resumeLog();
    const backMs = Date.now();
    const accepted = (await Promise.all(after)).flatMap((result) => result.acceptedAtMs).filter((at) => at >= backMs);
    return { stopped, peakMegabytes: Math.round(peakMegabytes), recoveredAfterMs: Math.min(...accepted) - backMs };
  } finally {
    clearInterval(sampling);
    target.resumeLog();
  }
}
