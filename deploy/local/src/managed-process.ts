import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A command of a service, and how to tell that it is up. */
export interface ProcessPlan {
  /** Names the service in messages: "kafka node 2". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Run as this user and group. Only root can ask for it. */
  readonly runAs?: UserIds;
  /** Asked for each line of stdout and stderr. */
  isReadyLine(line: string): boolean;
  readonly startTimeoutMs: number;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** One running process. Every method may be called at any time; a process that has ended ignores signals. */
export interface ManagedProcess {
  readonly pid: number;
  /** Sends SIGKILL to the process and its children and waits until it has ended. */
  kill(): Promise<void>;
  /** Sends SIGTERM to the process alone and waits until it has ended; one that takes longer than a minute is killed. */
  stop(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  isRunning(): boolean;
}

const logLinesMax = 200;
const stopTimeoutMs = 60_000;
const running = new Set<ChildProcess>();

// Without this a test process that ends early would leave its services behind where the kernel's parent-death signal does not exist.
process.on("exit", () => {
  for (const child of running) if (child.pid !== undefined) signalTree(child.pid, "SIGKILL");
});

/**
 * Starts a process and resolves once it printed its ready line.
 *
 * The process dies with this one, however this one ends: by an exit handler, and on Linux also by the kernel (`setpriv --pdeathsig`), which
 * covers SIGKILL.
 *
 * @throws Error with the last lines of its output when it ends or takes longer than `startTimeoutMs` (it is killed then).
 */
export async function startProcess(plan: ProcessPlan): Promise<ManagedProcess> {
  const { command, args } = withParentDeathSignal(plan);
  const child = spawn(command, args, { env: { ...process.env, ...plan.env }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  });
  running.add(child);
  void ended.then(() => running.delete(child));

  try {
    await waitUntilReady(child, plan);
  } catch (error) {
    if (child.pid !== undefined) signalTree(child.pid, "SIGKILL");
    await ended;
    throw error;
  }

  const pid = child.pid ?? 0;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    pid,
    isRunning,
    async kill() {
      if (isRunning()) signalTree(pid, "SIGKILL");
      await ended;
    },
    async stop() {
      if (isRunning()) send(pid, "SIGTERM");
      const killer = setTimeout(() => signalTree(pid, "SIGKILL"), stopTimeoutMs);
      await ended;
      clearTimeout(killer);
    },
    pause() {
      if (isRunning()) signalTree(pid, "SIGSTOP");
    },
    resume() {
      if (isRunning()) signalTree(pid, "SIGCONT");
    },
  };
}

function waitUntilReady(child: ChildProcess, plan: ProcessPlan): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    const fail = (what: string) => {
      clearTimeout(timer);
      reject(new Error(`${plan.name} ${what}${lines.length > 0 ? `; its last output:\n${lines.join("\n")}` : ""}`));
    };
    const timer = setTimeout(() => fail(`was not ready within ${plan.startTimeoutMs} ms`), plan.startTimeoutMs);
    child.once("error", (error) => fail(`could not be started: ${error.message}`));
    child.once("close", (code, signal) => fail(`ended while starting (${signal ?? `exit code ${code}`})`));
    const onLine = (line: string) => {
      lines.push(line);
      if (lines.length > logLinesMax) lines.shift();
      if (!plan.isReadyLine(line)) return;
      clearTimeout(timer);
      resolve();
    };
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      // Stays attached after the start: a pipe nobody reads would block the service.
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        const parts = (rest + chunk).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) onLine(line);
      });
    }
  });
}

function withParentDeathSignal(plan: ProcessPlan): { command: string; args: string[] } {
  if (process.platform !== "linux" || findCommand("setpriv") === undefined) {
    if (plan.runAs === undefined) return { command: plan.command, args: [...plan.args] };
    throw new Error(
      `${plan.name} must not run as root and the command setpriv (package util-linux) is not there to change the user`,
    );
  }
  const user = plan.runAs;
  const identity = user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"];
  return { command: "setpriv", args: ["--pdeathsig", "KILL", ...identity, plan.command, ...plan.args] };
}

/** The path of a command in PATH. */
export function findCommand(name: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** A child of a service (PostgreSQL's backends lead sessions of their own) must get the signal too, else half of it goes on. */
function signalTree(pid: number, signal: NodeJS.Signals): void {
  // The parent first, so that a stopped or killed server makes no new children while they are looked up.
  const children = signal === "SIGKILL" ? childrenOf(pid) : [];
  send(pid, signal);
  for (const child of signal === "SIGKILL" ? children : childrenOf(pid)) send(child, signal);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended in between, which is what a signal to it was for, or makes the signal needless.
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    // No such process any more, or a system without /proc, where the children end by themselves once they notice.
    return [];
  }
}
