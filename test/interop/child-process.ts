/** Programs of the matrix that are not ours: started with an environment of their own, read line by line, never left running. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface RunningProgram {
  /** The last of what it printed on standard error. */
  errors(): string;
  readonly exited: Promise<number | string>;
  signal(signal: NodeJS.Signals): void;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export function runProgram(
  command: readonly [string, ...string[]],
  options: { readonly environment: Record<string, string>; onLine?(line: string): void },
): RunningProgram {
  const [file, ...args] = command;
  const child = spawn(file, args, {
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-20_000);
  });
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => options.onLine?.(line));
  const allRead = new Promise((resolve) => lines.once("close", resolve));
  const exited = new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      running.delete(child);
      allRead.then(() => resolve(code ?? signal ?? "unknown"));
    });
  });
  return { errors: () => errors, exited, signal: (signal) => child.kill(signal) };
}
