/**
 * Starts everything in one process.
 *
 * What is imported here statically is compiled before the cache is on, so it is next to nothing: from the second start on, sources come compiled,
 * which is quicker and keeps the compiler of types out of memory.
 */
import { enableCompileCache, flushCompileCache } from "node:module";

enableCompileCache(new URL("../../../node_modules/.cache/nonet-compiled", import.meta.url).pathname);
const { runStandalone } = await import("./run.ts");
await runStandalone(process.env);
flushCompileCache();
