/** The embedded ClickHouse as its parent sees it: a child process that is always being run again. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type ChdbServerConfig, defaultConfig } from "./config.ts";

export interface ChdbServer {
  /** `http://127.0.0.1:<port>`, for `createClient({ url, username, password })`. The same after every restart, as are user and password. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Of the child that runs now, or ran last. */
  pid(): number;
  /** Lets running writes finish, then ends the child. Safe to call twice. */
  close(): Promise<void>;
}

export interface ChdbServerDeps {
  log?(level: "info" | "warn" | "error", message: string, fields: Readonly<Record<string, unknown>>): void;
}

export type ChdbServerOptions = { readonly dataDirectory: string } & Partial<Omit<ChdbServerConfig, "password">> & {
    /** From the start of a process until it says that it is ready. */
    readonly readyMsMax?: number;
  };

const readyMsMaxDefault = 20_000;
const restartMsMin = 100;
const restartMsMax = 5_000;
/** A child that ran for so long has recovered: its next end is a first one again. */
const steadyMs = 30_000;

interface Ready {
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly openMs: number;
}

/**
 * Starts the child on a data directory and waits until it answers. Later it is started again whenever it ends, at once and then with growing
 * pauses; meanwhile clients see a refused connection, as of any store that is away.
 *
 * @throws Error with a `code`: `DIRECTORY_IN_USE`, `EADDRINUSE` when `port` was chosen and is taken, `NOT_READY` when it did not answer in time.
 */
export async function startChdbServer(options: ChdbServerOptions, deps: ChdbServerDeps = {}): Promise<ChdbServer> {
  const { readyMsMax = readyMsMaxDefault, ...given } = options;
  const log = deps.log ?? (() => {});
  const config = { ...defaultConfig, ...given, password: randomBytes(24).toString("base64url") };
  let child = spawnChild(config, log);
  const first = await waitReady(child, readyMsMax);
  log("info", "embedded store ready", { pid: child.pid, ...first });

  let isClosing = false;
  let restartMs = restartMsMin;
  let startedAt = performance.now();
  let restart: NodeJS.Timeout | undefined;

  function watch(watched: ChildProcess): void {
    const onEnd = () => {
      if (isClosing) return;
      if (performance.now() - startedAt > steadyMs) restartMs = restartMsMin;
      log("error", "embedded store ended, starting it again", {
        pid: watched.pid,
        exitCode: watched.exitCode,
        signal: watched.signalCode,
        pauseMs: restartMs,
      });
      restart = setTimeout(startAgain, restartMs * (0.75 + Math.random() / 2));
      restartMs = Math.min(restartMs * 2, restartMsMax);
    };
    if (hasEnded(watched)) onEnd();
    else watched.once("exit", onEnd);
  }

  function startAgain(): void {
    startedAt = performance.now();
    child = spawnChild({ ...config, port: first.port }, log);
    const current = child;
    waitReady(current, readyMsMax).then(
      (ready) => log("info", "embedded store ready again", { pid: current.pid, ...ready }),
      (reason: Error) => {
        log("error", "embedded store did not start", { pid: current.pid, reason: reason.message });
        current.kill("SIGKILL");
      },
    );
    watch(current);
  }

  watch(child);
  let closed: Promise<void> | undefined;
  return {
    url: first.url,
    username: config.username,
    password: config.password,
    pid: () => child.pid ?? -1,
    close() {
      isClosing = true;
      clearTimeout(restart);
      closed ??= endChild(child, config.drainMsMax);
      return closed;
    },
  };
}

/** Our own flags go with the child, not those of the parent (a test runner's loader, an inspector's port). */
const nodeArguments = [
  "--max-semi-space-size=4",
  "--max-old-space-size=1024",
  "--v8-pool-size=2",
  "--disable-warning=ExperimentalWarning",
];

function spawnChild(config: ChdbServerConfig, log: NonNullable<ChdbServerDeps["log"]>): ChildProcess {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const { NODE_OPTIONS: _, ...environment } = process.env;
  const child = spawn(process.execPath, [...nodeArguments, main], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      ...environment,
      NONET_CHDB_SERVER: JSON.stringify(config),
      // One thread per statement that runs, and some for files and compression.
      UV_THREADPOOL_SIZE: "16",
      // The engine's allocator gives freed memory back to the system after half a second instead of five.
      JE_MALLOC_CONF: "dirty_decay_ms:500",
      // Compiled sources of the last start: saves 150 ms of CPU and 20 MB, most of it the stripping of types.
      NODE_COMPILE_CACHE: environment.NODE_COMPILE_CACHE ?? join(config.dataDirectory, "compile-cache"),
    },
  });
  child.on("error", (error) =>
    log("error", "embedded store process failed", { pid: child.pid, reason: error.message }),
  );
  for (const output of [child.stdout, child.stderr]) {
    if (output === null) continue;
    createInterface({ input: output }).on("line", (line) =>
      log("warn", "embedded store says", { pid: child.pid, line }),
    );
  }
  return child;
}

function waitReady(child: ChildProcess, readyMsMax: number): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const fail = (code: string, message: string) => {
      done();
      child.kill("SIGKILL");
      reject(Object.assign(new Error(message), { code }));
    };
    const onMessage = (message: { ready?: Ready; refused?: { code: string; message: string } }) => {
      if (message.refused !== undefined) return fail(message.refused.code, message.refused.message);
      if (message.ready === undefined) return;
      done();
      resolve(message.ready);
    };
    const onExit = (exitCode: number | null, signal: string | null) =>
      fail("NOT_READY", `embedded store ended before it was ready (exit code ${exitCode}, signal ${signal})`);
    const onError = (error: Error) => fail("NOT_READY", `embedded store cannot be started: ${error.message}`);
    const timer = setTimeout(
      () => fail("NOT_READY", `embedded store was not ready within ${readyMsMax} ms`),
      readyMsMax,
    );
    const done = () => {
      clearTimeout(timer);
      child.off("message", onMessage).off("exit", onExit).off("error", onError);
    };
    child.on("message", onMessage).on("exit", onExit).on("error", onError);
  });
}

async function endChild(child: ChildProcess, drainMsMax: number): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  // The child keeps the same limit by itself; this one is for a child that is stopped or stuck.
  const timer = setTimeout(() => child.kill("SIGKILL"), drainMsMax + 2_000);
  await ended;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
