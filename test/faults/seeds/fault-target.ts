/** A running installation that scenarios can hurt: standalone, with its child, or every process of the distributed shape. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { runVerifyCommand } from "@nonet/standalone/verify-command.ts";
import { type DistributedFixture, startDistributedFixture } from "../../e2e/distributed-fixture.ts";
import { createReader, type ShapeUnderTest } from "../../e2e/shape-under-test.ts";
import { startStandaloneFixture } from "../../e2e/standalone-fixture.ts";
import { canMount, mountSmallDisk } from "./full-disk.ts";
import type { Fault, Target } from "./scenario.ts";
import { type StoreProxy, startStoreProxy } from "./store-proxy.ts";

export interface FaultTarget {
  readonly api: Pick<ShapeUnderTest, "httpUrl" | "apiKey" | "get">;
  readonly projectId: string;
  /** Ends when the fault is over and what it killed runs again. */
  apply(fault: Fault): Promise<void>;
  /** What `nonet verify` says of the project: differences, then its summary. */
  verify(): Promise<{ readonly lines: readonly string[]; readonly isClean: boolean }>;
  close(): Promise<void>;
}

/** Old hours are rolled and audited at once, so that faults meet both. */
const processorEnvironment = { NONET_ROLL_SETTLE_SECONDS: "1", NONET_AUDIT_INTERVAL_SECONDS: "2" };
const diskMegabytes = 512;

export interface StandaloneTarget extends FaultTarget {
  readonly adminUrl: string;
  /** Of standalone, and of its engine where it runs. */
  pids(): readonly [number, number | undefined];
}

export async function startStandaloneTarget(options: { smallDisk: boolean }): Promise<StandaloneTarget> {
  const disk = options.smallDisk && canMount ? mountSmallDisk(diskMegabytes) : undefined;
  const fixture = await startStandaloneFixture({
    ...processorEnvironment,
    ...(disk === undefined ? {} : { NONET_DATA_DIR: disk.directory }),
  }).catch((caught) => {
    disk?.close();
    throw caught;
  });
  function pidOf(target: Target): number {
    const { pid } = fixture.process();
    const found = target === "engine" ? childOf(pid) : pid;
    if (found === undefined) throw new Error("the engine does not run");
    return found;
  }
  return {
    api: fixture,
    adminUrl: fixture.adminUrl,
    projectId: "default",
    pids: () => [fixture.process().pid, childOf(fixture.process().pid)],
    async apply(fault) {
      switch (fault.kind) {
        case "kill":
          if (fault.target === "engine") {
            // Its parent starts it again.
            process.kill(pidOf("engine"), "SIGKILL");
            return;
          }
          await fixture.process().kill();
          await delay(fault.ms);
          await fixture.restart();
          return;
        case "stop":
          fixture.process().signal("SIGTERM");
          await fixture.process().exited;
          await fixture.restart();
          return;
        case "freeze":
          await frozen(pidOf(fault.target), fault.ms);
          return;
        case "disk-full":
          disk?.fill();
          await delay(fault.ms);
          disk?.free();
          return;
        default:
          throw new Error(`standalone has no fault ${fault.kind}`);
      }
    },
    verify: () => runVerify([], { NONET_ADMIN_ADDRESS: new URL(fixture.adminUrl).host }),
    async close() {
      await fixture.close();
      disk?.close();
    },
  };
}

export interface DistributedTargets {
  /** Of a project of its own, on the installation that all share. */
  startTarget(projectId: string): Promise<FaultTarget>;
  close(): Promise<void>;
}

export async function startDistributedTargets(): Promise<DistributedTargets> {
  let proxy: StoreProxy | undefined;
  const fixture = await startDistributedFixture({
    processorEnvironment,
    async proxyStore(url) {
      proxy = await startStoreProxy(url);
      return proxy;
    },
  });
  return {
    async startTarget(projectId) {
      const control = openControlDatabase({ url: fixture.services.postgres.url });
      const scopes = ["ingest:write", "traces:read", "traces:content"] as const;
      await control.createProject({ tenantId: "default", id: projectId, actor: "test" });
      const { apiKey } = await control.createKey({ projectId, scopes: [...scopes], actor: "test" });
      await control.close();
      return {
        api: { httpUrl: fixture.httpUrl, apiKey, get: createReader(fixture.apiUrl, apiKey) },
        projectId,
        apply: (fault) => applyDistributed(fault, fixture, proxy),
        verify: () =>
          runVerify(["--project", projectId], {
            ...fixture.environment,
            NONET_API_ADDRESS: new URL(fixture.apiUrl).host,
            NONET_API_KEY: apiKey,
          }),
        close: async () => undefined,
      };
    },
    close: fixture.close,
  };
}

async function applyDistributed(
  fault: Fault,
  fixture: DistributedFixture,
  proxy: StoreProxy | undefined,
): Promise<void> {
  switch (fault.kind) {
    case "kill":
      return kill(fault.target, fault, fixture);
    case "stop": {
      const process = processOf(fault.target, fault.index, fixture);
      process.current().signal("SIGTERM");
      await process.current().exited;
      await process.restart();
      return;
    }
    case "freeze":
      return freeze(fault.target, fault, fixture);
    case "store":
      proxy?.set(fault.mode);
      await delay(fault.ms);
      proxy?.set("pass");
      return;
    case "rebalance":
      for (let time = 0; time < fault.times; time += 1) {
        const joined = await fixture.startProcessor();
        if (fault.kill) await joined.kill();
        else {
          joined.signal("SIGTERM");
          await joined.exited;
        }
      }
      return;
    default:
      throw new Error(`the distributed shape has no fault ${fault.kind}`);
  }
}

interface Hit {
  readonly index: number;
  readonly ms: number;
}

async function kill(target: Target, { index, ms }: Hit, fixture: DistributedFixture): Promise<void> {
  const { kafka, redis, postgres, engine } = fixture.services;
  if (target === "engine") {
    // Its parent starts it again.
    process.kill(engine.pid(), "SIGKILL");
  } else if (target === "kafka" || target === "redis" || target === "postgres") {
    const service = { kafka, redis, postgres }[target];
    await service.kill();
    await delay(ms);
    await service.restart();
  } else {
    const hit = processOf(target, index, fixture);
    await hit.current().kill();
    await delay(ms);
    await hit.restart();
  }
}

async function freeze(target: Target, { index, ms }: Hit, fixture: DistributedFixture): Promise<void> {
  const { kafka, redis, postgres, engine } = fixture.services;
  if (target === "kafka" || target === "redis" || target === "postgres") {
    const service = { kafka, redis, postgres }[target];
    service.pause();
    await delay(ms);
    service.resume();
  } else {
    await frozen(target === "engine" ? engine.pid() : processOf(target, index, fixture).current().pid, ms);
  }
}

function processOf(target: Target, index: number, fixture: DistributedFixture) {
  const all = target === "processor" ? fixture.processors : target === "ingest" ? fixture.ingests : fixture.queryApis;
  const found = all[index % all.length];
  if (found === undefined) throw new Error(`no ${target} runs`);
  return found;
}

async function frozen(pid: number, ms: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  try {
    await delay(ms);
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

/** The embedded engine under standalone. */
function childOf(pid: number): number | undefined {
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const [child] = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ");
    if (child !== undefined && child !== "") return Number(child);
  }
  return undefined;
}

async function runVerify(args: string[], environment: Record<string, string>) {
  const told: string[] = [];
  const { lines, isClean } = await runVerifyCommand(args, environment, (line) => told.push(line));
  const differences = told.filter((line) => !/^\w+: \d+ of \d+$/.test(line));
  return { lines: [...differences, ...lines], isClean };
}
