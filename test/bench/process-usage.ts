/** CPU time and memory of running processes, from /proc; Linux only, as is everything that this benchmark compares. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export interface Usage {
  /** Seconds of CPU so far. */
  readonly cpuSeconds: number;
  /** Resident. */
  readonly megabytes: number;
}

/** Of one process with its threads. */
export function usageOf(pid: number): Usage {
  return { cpuSeconds: cpuSecondsOf(pid), megabytes: residentMegabytesOf(pid) };
}

/** Of a process and all that it started, as `ingest` starts workers. */
export function usageOfTree(pid: number): Usage {
  const usages = treeOf(pid).map(usageOf);
  return {
    cpuSeconds: usages.reduce((sum, each) => sum + each.cpuSeconds, 0),
    megabytes: usages.reduce((sum, each) => sum + each.megabytes, 0),
  };
}

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

/** The process of the embedded engine below a process. */
export function engineOf(pid: number): number {
  const found = treeOf(pid).find((each) =>
    execFileSync("ps", ["-o", "args=", "-p", String(each)])
      .toString()
      .includes("chdb-server"),
  );
  if (found === undefined) throw new Error(`no engine runs below process ${pid}`);
  return found;
}
