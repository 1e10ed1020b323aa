/**
 * The child process. It is told what to do in `NONET_CHDB_SERVER` (JSON of `ChdbServerConfig`; the directory and the password are needed), says
 * `{"ready":...}` or `{"refused":...}` once, to its parent or else on standard output, and ends with its parent or on SIGTERM.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ChdbServerConfig, defaultConfig } from "./config.ts";
import { lockDirectory } from "./directory-lock.ts";
import { createHttpServer } from "./http-server.ts";

const answerMsMax = 1_000;

// Loaded to be compiled and no more.
if (process.env.NONET_COMPILE_ONLY === "1") {
  await import("./engine.ts");
  process.exit(0);
}

const config = readConfig();
let stop: () => Promise<void> | void = () => process.exit(0);
process.on("SIGTERM", () => stop());
process.on("disconnect", () => stop());
// Ctrl-C and a closed terminal reach the whole group of processes; the parent decides when its store may stop.
for (const signal of ["SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (!process.connected) void stop();
  });
}

try {
  const lock = lockDirectory(config.dataDirectory, config.lockWaitMs);
  // Loaded here, so that a platform without the engine is a refusal like any other.
  const { openEngine } = await import("./engine.ts");
  const engine = await openEngine(config);
  const server = createHttpServer(config, { engine });
  server.listen(config.port, "127.0.0.1");
  await once(server, "listening");

  let isStopping = false;
  stop = async () => {
    if (isStopping) return;
    isStopping = true;
    // The engine cannot be interrupted from here, and a process that ends without a word loses nothing that was acknowledged.
    setTimeout(() => process.kill(process.pid, "SIGKILL"), config.drainMsMax).unref();
    const closed = new Promise((resolve) => server.close(resolve));
    await engine.close();
    // The answers of the last writes are still on their way.
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), answerMsMax).unref();
    await closed;
    lock.release();
    process.exit(0);
  };
  const { port } = server.address() as AddressInfo;
  report({
    ready: { url: `http://127.0.0.1:${port}`, port, version: engine.version, openMs: Math.round(engine.openMs) },
  });
} catch (caught) {
  const { code, message } = caught as Error & { code?: string };
  report({ refused: { code: code ?? "INTERNAL", message } }, () => process.exit(1));
}

function readConfig(): ChdbServerConfig {
  const given = JSON.parse(process.env.NONET_CHDB_SERVER ?? "{}") as Partial<ChdbServerConfig>;
  const { dataDirectory, password } = given;
  if (dataDirectory === undefined || password === undefined) {
    throw new Error("NONET_CHDB_SERVER must be JSON with at least dataDirectory and password");
  }
  return { ...defaultConfig, ...given, dataDirectory, password };
}

function report(message: object, then: () => void = () => {}): void {
  if (process.send !== undefined) process.send(message, then);
  else process.stdout.write(`${JSON.stringify(message)}\n`, then);
}
