/** A small disk of its own under a directory, which can be filled to the last byte. Only root may mount one. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly directory: string;
  fill(): void;
  free(): void;
  /** Unmounted and gone; safe to call twice. */
  close(): void;
}

export const canMount = process.platform === "linux" && process.getuid?.() === 0;

export function mountSmallDisk(megabytes: number): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), "nonet-small-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", directory]);
  const ballast = join(directory, "ballast");
  let isMounted = true;
  const close = () => {
    if (!isMounted) return;
    isMounted = false;
    process.off("exit", close);
    // Lazily: a process that was just killed may still hold a file.
    execFileSync("umount", ["-l", directory]);
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", close);
  return {
    directory,
    fill() {
      const file = openSync(ballast, "a");
      try {
        for (let block = Buffer.alloc(1_048_576); block.length > 0; ) {
          try {
            // A write that fits in part says so, and the next one fails.
            if (writeSync(file, block) === 0) return;
          } catch {
            block = block.subarray(0, block.length >> 4);
          }
        }
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    close,
  };
}
