import { chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UserIds } from "./managed-process.ts";

const prefix = "nonet-local-";

/**
 * A new empty directory for one service, named for this process so that a later one can tell whether anybody still uses it.
 * Directories left behind by processes that were killed are removed first.
 */
export function createServiceDirectory(service: string, owner?: UserIds): string {
  removeAbandonedDirectories();
  const directory = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-${service}-`));
  if (owner !== undefined) chownSync(directory, owner.uid, owner.gid);
  return directory;
}

export function removeServiceDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}

function removeAbandonedDirectories(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    try {
      removeServiceDirectory(join(tmpdir(), name));
    } catch {
      // Another user's, or another process removes it at this moment: it costs disk space only.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
