/** Starts everything in one process; the only file of standalone that reads the environment. */
import { runStandalone } from "./run.ts";

// Loaded to be compiled and no more: see start.sh.
if (process.env["NONET_COMPILE_ONLY"] !== "1") await runStandalone(process.env);
