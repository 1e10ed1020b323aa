/**
 * One process per data directory. The engine takes no lock of its own, and two writers would corrupt the tables.
 *
 * The lock is an exclusive transaction on a SQLite file beside the tables, that is a lock held by the operating system: it ends with the process
 * that holds it, however it dies, so there is no stale lock to judge and no window in which two successors could both take it over.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface DirectoryLock {
  release(): void;
}

/**
 * @param waitMs  how long a predecessor that is still finishing its writes may take to leave.
 * @throws Error with `code: "DIRECTORY_IN_USE"`, naming the process that holds it.
 */
export function lockDirectory(directory: string, waitMs: number): DirectoryLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const ownerPath = join(directory, "lock.pid");
  const database = new DatabaseSync(join(directory, "lock"), { timeout: waitMs });
  try {
    // The journal in memory: nothing is ever written, and a journal file beside the lock would only confuse.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (caught) {
    database.close();
    const message = `data directory ${directory} is used by another process (${readOwner(ownerPath)}); stop it or choose another directory`;
    throw Object.assign(new Error(message, { cause: caught }), { code: "DIRECTORY_IN_USE" });
  }
  writeFileSync(ownerPath, String(process.pid));
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

function readOwner(path: string): string {
  try {
    return `pid ${readFileSync(path, "utf8")}`;
  } catch {
    // Only for the message: the owner may not have written it yet.
    return "pid unknown";
  }
}
