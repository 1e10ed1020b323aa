/**
 * Standalone's data directory: everything it keeps, and a lock against a second process. Layout:
 *
 *     lock            pid of the process that uses the directory
 *     api-key         the first key, mode 0600
 *     cursor-secret   signs cursors of the API, mode 0600
 *     receipt-secret  signs receipts, mode 0600
 *     control.db      tenants, projects, keys, settings
 *     log.db          the topic
 *     clickhouse/     the embedded engine's tables
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { PipelineError } from "@nonet/proto/errors.ts";

export interface DataDirectory {
  readonly path: string;
  file(name: string): string;
  /** Gives the lock back; safe to call twice. */
  close(): void;
}

/** @throws PipelineError `DIRECTORY_IN_USE` while another process lives in it, `CONFIG_INVALID` when it cannot be made. */
export function openDataDirectory(path: string): DataDirectory {
  const absolute = resolve(path);
  const lock = join(absolute, "lock");
  try {
    mkdirSync(absolute, { recursive: true, mode: 0o700 });
  } catch (caught) {
    throw new PipelineError("CONFIG_INVALID", `cannot make the data directory ${absolute}; set NONET_DATA_DIR`, {
      cause: caught,
    });
  }
  takeLock(lock, absolute);
  return {
    path: absolute,
    file: (name) => join(absolute, name),
    close: () => rmSync(lock, { force: true }),
  };
}

function takeLock(lock: string, directory: string): void {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const file = openSync(lock, "wx", 0o600);
      writeSync(file, `${process.pid}\n`);
      closeSync(file);
      return;
    } catch (caught) {
      if ((caught as NodeJS.ErrnoException).code !== "EEXIST") throw PipelineError.from(caught, "CONFIG_INVALID");
      const pid = Number(readFileSync(lock, "utf8"));
      if (isAlive(pid)) {
        throw new PipelineError(
          "DIRECTORY_IN_USE",
          `${directory} is used by process ${pid}; stop it, or set NONET_DATA_DIR to another directory`,
        );
      }
      // The process died without giving the lock back.
      rmSync(lock, { force: true });
    }
  }
  throw new PipelineError("DIRECTORY_IN_USE", `${directory} is being taken by another process`);
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    // A pid is reused after a reboot or in a new container: only a Node process can be one of ours.
    return isNodeProcess(pid);
  } catch (caught) {
    return (caught as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isNodeProcess(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("node");
  } catch {
    // No /proc (macOS): a living pid has to be believed.
    return true;
  }
}
