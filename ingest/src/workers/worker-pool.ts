/**
 * Several processes behind the same ports. This one accepts connections and hands them out in turn (node:cluster), starts the workers, replaces
 * those that die, and speaks for all of them on the admin port.
 *
 *     sockets -> this process -> worker 1: receive, map, publish
 *                             -> worker 2: ...
 *
 * A worker that dies takes its unanswered requests with it, as a process that dies does: senders retry. If this process dies, so do the workers.
 */
import cluster, { type Worker } from "node:cluster";
import { setTimeout as delay } from "node:timers/promises";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { Logger } from "pino";
import { AggregatorRegistry, Counter, Gauge, Registry } from "prom-client";
import type { FromWorker, ToWorker, WorkerReport } from "./worker-messages.ts";

export interface WorkerPool {
  /** Every worker that listens can do its work, and there is one. */
  isReady(): Promise<boolean>;
  /** The sum over the workers, those that died included, in Prometheus' text format. */
  metrics(): Promise<string>;
  /** Drains all of them; safe to call twice. */
  close(): Promise<void>;
}

interface Member {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  /** Of its last report. */
  metrics: readonly object[];
  listening: boolean;
}

const restartMs = 200;
const restartMsMax = 10_000;
/** One that ran this long did not fail at its start. */
const steadyMs = 60_000;
const reportTimeoutMs = 1_000;
/** How often a worker's counters are remembered for the case that it dies. */
const rememberMs = 2_000;

/** @throws PipelineError that of the first worker whose start failed: nothing is left running. */
export async function startWorkerPool(workerCount: number, deps: { readonly log: Logger }): Promise<WorkerPool> {
  const { log } = deps;
  const members = new Set<Member>();
  const stop = new AbortController();
  let reportCount = 0;
  /** What workers had counted that are gone: counters never go back. */
  let retired: readonly object[] = [];
  const own = new Registry();
  const restarts = new Counter({
    name: "nonet_ingest_worker_restarts",
    help: "Workers that ended unasked and were replaced",
    registers: [own],
  });
  new Gauge({
    name: "nonet_ingest_workers",
    help: "Workers that take requests",
    registers: [own],
    collect() {
      this.set([...members].filter((member) => member.listening).length);
    },
  });

  /** @returns when it listens. */
  function startWorker(): { readonly member: Member; readonly started: Promise<FromWorker & { kind: "started" }> } {
    const worker = cluster.fork();
    const exited = Promise.withResolvers<void>();
    const started = Promise.withResolvers<FromWorker & { kind: "started" }>();
    const member: Member = { worker, exited: exited.promise, metrics: [], listening: false };
    members.add(member);
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "started") {
        member.listening = true;
        started.resolve(message);
      } else if (message.kind === "failed") started.reject(new PipelineError(message.code, message.message));
      else if (message.kind === "paid") tellOthers(worker, message);
    });
    // A message that could not be sent: its worker is gone, which `exit` tells.
    worker.on("error", () => {});
    worker.once("exit", (code, signal) => {
      members.delete(member);
      retire(member);
      started.reject(new PipelineError("INTERNAL", `a worker ended with ${signal ?? code} before it listened`));
      exited.resolve();
    });
    return { member, started: started.promise };
  }

  async function keepRunning(first: Member): Promise<void> {
    let member = first;
    let failures = 0;
    for (;;) {
      const startedMs = performance.now();
      await member.exited;
      if (stop.signal.aborted) return;
      failures = performance.now() - startedMs > steadyMs ? 0 : failures + 1;
      const waitMs = Math.min(restartMsMax, restartMs * 2 ** (failures - 1));
      restarts.inc();
      log.error({ workerPid: member.worker.process.pid, waitMs }, "an ingest worker ended; another takes its place");
      await delay(waitMs, undefined, { signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted) return;
      const next = startWorker();
      next.started.catch((error: unknown) => log.error({ err: error }, "an ingest worker could not start"));
      member = next.member;
    }
  }

  function tellOthers(from: Worker, message: ToWorker): void {
    for (const { worker } of members) if (worker !== from && worker.isConnected()) worker.send(message);
  }

  /** Undefined when it does not answer in time. */
  function askReport({ worker }: Member): Promise<WorkerReport | undefined> {
    const id = ++reportCount;
    const answer = Promise.withResolvers<WorkerReport | undefined>();
    const read = (message: FromWorker): void => {
      if (message.kind === "report" && message.id === id) answer.resolve(message.report);
    };
    const giveUp = (): void => answer.resolve(undefined);
    const timer = setTimeout(giveUp, reportTimeoutMs);
    worker.on("message", read);
    worker.once("exit", giveUp);
    if (worker.isConnected()) worker.send({ kind: "report", id } satisfies ToWorker);
    else giveUp();
    return answer.promise.finally(() => {
      clearTimeout(timer);
      worker.off("message", read);
      worker.off("exit", giveUp);
    });
  }

  /** One that is too busy to answer counts with its last metrics. */
  function askAll(asked: readonly Member[]): Promise<(WorkerReport | undefined)[]> {
    return Promise.all(
      asked.map(async (member) => {
        const report = await askReport(member);
        if (report !== undefined) member.metrics = report.metrics;
        return report;
      }),
    );
  }

  function retire({ metrics }: Member): void {
    const counted = metrics.filter((metric) => "type" in metric && metric.type !== "gauge");
    retired = sum([retired, counted]);
  }

  const first = startWorker();
  try {
    const { grpc, http } = await first.started;
    const others = Array.from({ length: workerCount - 1 }, startWorker);
    await Promise.all(others.map((other) => other.started));
    for (const { member } of [first, ...others]) void keepRunning(member);
    log.info({ grpc, http, workers: workerCount }, "ingest is ready");
  } catch (error) {
    stop.abort();
    for (const { worker } of members) worker.process.kill("SIGKILL");
    await Promise.all([...members].map((member) => member.exited));
    throw error;
  }
  const remembering = setInterval(() => void askAll([...members]), rememberMs).unref();

  return {
    async isReady() {
      const reports = await askAll([...members].filter((member) => member.listening));
      return !stop.signal.aborted && reports.length > 0 && reports.every((report) => report?.ready === true);
    },
    async metrics() {
      await askAll([...members]);
      const workers = toRegistry([retired, ...[...members].map((member) => member.metrics)]);
      return `${await workers.metrics()}\n${await own.metrics()}`;
    },
    async close() {
      stop.abort();
      clearInterval(remembering);
      for (const { worker } of members) if (worker.isConnected()) worker.send({ kind: "drain" } satisfies ToWorker);
      await Promise.all([...members].map((member) => member.exited));
    },
  };
}

function toRegistry(metrics: readonly (readonly object[])[]): Registry {
  // `as`: the library sums arrays and does not change them.
  return AggregatorRegistry.aggregate(metrics as object[]);
}

function sum(metrics: readonly (readonly object[])[]): readonly object[] {
  return toRegistry(metrics).getMetricsAsArray();
}
