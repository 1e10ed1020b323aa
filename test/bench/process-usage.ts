/** CPU time and memory of running processes, from /proc; Linux only, as is everything that this benchmark compares. */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Seconds of CPU that the process and its threads have used. */
export function cpuSecondsOf(pid: number): number {
  // The name may hold spaces and parentheses: fields are counted after the last one.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function residentMegabytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}

export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}

/** The process and all that it started, which may have died meanwhile. */
export function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}
