/** Runs the flood's sender as a process of its own, so that its work is not ours. */
import { startProcess } from "../../e2e/service-process.ts";
import type { FloodOptions, FloodResult } from "./flood-options.ts";

export async function runFlood(options: FloodOptions): Promise<FloodResult> {
  const sender = startProcess("test/faults/overload/flood-sender.ts", {}, [JSON.stringify(options)]);
  const code = await sender.exited;
  const line = sender.output().trim().split("\n").at(-1) ?? "";
  if (code !== 0 || !line.startsWith("{")) throw new Error(`the sender ended with ${code}:\n${sender.output()}`);
  // `as`: printed by flood-sender.ts.
  return JSON.parse(line) as FloodResult;
}
