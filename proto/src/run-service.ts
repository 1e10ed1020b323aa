/** What every `main.ts` does: report a failed start in one line, and drain on a signal. */
import { isPipelineError } from "./errors.ts";

/** A second signal, or a drain that takes longer, ends the process at once: nothing acknowledged depends on the drain. */
const drainMsMax = 25_000;

/** @param start opens everything; what it returns closes everything. */
export async function runService(start: () => Promise<{ close(): Promise<void> }>): Promise<void> {
  try {
    const service = await start();
    let stopping = false;
    const stop = async () => {
      if (stopping) process.exit(1);
      stopping = true;
      console.error("Draining; a second signal stops at once.");
      setTimeout(() => process.exit(1), drainMsMax).unref();
      await service.close();
      process.exit(0);
    };
    process.on("SIGINT", () => void stop());
    process.on("SIGTERM", () => void stop());
  } catch (caught) {
    console.error(isPipelineError(caught) ? caught.message : caught);
    process.exit(1);
  }
}
