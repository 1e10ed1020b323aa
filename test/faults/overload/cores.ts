/** Which core a process may use, with `taskset`; Linux only, as is everything that reads /proc here. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

/** Binds a process, and what it starts from now on, to one core. On a machine with one there is nothing to choose. */
export function pinTo(core: 0 | 1, pid: number): void {
  if (cpus().length > 1) bind(String(core), pid);
}

/** @param pid may use all cores again. */
export function unpin(pid: number): void {
  bind(`0-${cpus().length - 1}`, pid);
}

function bind(cores: string, pid: number): void {
  execFileSync("taskset", ["-apc", cores, String(pid)], { stdio: ["ignore", "ignore", "pipe"] });
}
