/** Runs a service as a process of its own, as an operator would, so that it can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

export interface ServiceProcess {
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** @param script path from the repository's root. */
export function startProcess(
  script: string,
  environment: Record<string, string>,
  args: readonly string[] = [],
): ServiceProcess {
  const root = new URL("../../", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, ...args], {
    cwd: root,
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  const collect = (chunk: Buffer) => {
    // The tail is what matters when something fails.
    output = (output + chunk.toString()).slice(-200_000);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = new Promise<number | string>((resolve) => {
    child.once("exit", (code, signal) => {
      running.delete(child);
      resolve(code ?? signal ?? "unknown");
    });
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    exited,
    signal: (signal) => child.kill(signal),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Polls until `check` gives something other than undefined or false, or fails with what was last seen. */
export async function eventually<T>(
  check: () => Promise<T | undefined | false> | T | undefined | false,
  options: { withinMs: number; what: string; everyMs?: number },
): Promise<T> {
  const deadline = Date.now() + options.withinMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const result = await check();
      if (result !== undefined && result !== false) return result;
      last = result;
    } catch (caught) {
      last = caught;
    }
    await delay(options.everyMs ?? 20);
  }
  throw new Error(`not within ${options.withinMs} ms: ${options.what} (last: ${String(last)})`, { cause: last });
}
