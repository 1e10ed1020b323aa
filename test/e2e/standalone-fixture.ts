/** A standalone process on free ports and a data directory of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { eventually, type ServiceProcess, startProcess } from "./service-process.ts";
import { createReader, type ShapeUnderTest } from "./shape-under-test.ts";

export interface StandaloneFixture extends ShapeUnderTest {
  readonly adminUrl: string;
  readonly dataDirectory: string;
  readonly environment: Record<string, string>;
  process(): ServiceProcess;
  /** As an operator stops it: SIGTERM, and the end is waited for. */
  stop(): Promise<void>;
  /** Starts again on the same directory and ports; returns the time until ready. */
  restart(): Promise<number>;
}

export const testApiKey = "sk_test_standaloneFixture0000000000000000";

export async function startStandaloneFixture(
  overrides: Record<string, string> = {},
): Promise<StandaloneFixture & { readyMs: number }> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "nonet-standalone-"));
  const [grpc, http, api, admin] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const environment = {
    NONET_OTLP_GRPC_ADDRESS: `127.0.0.1:${grpc}`,
    NONET_OTLP_HTTP_ADDRESS: `127.0.0.1:${http}`,
    NONET_API_ADDRESS: `127.0.0.1:${api}`,
    NONET_ADMIN_ADDRESS: `127.0.0.1:${admin}`,
    NONET_DATA_DIR: dataDirectory,
    NONET_API_KEY: testApiKey,
    ...overrides,
  };
  const apiUrl = `http://127.0.0.1:${api}`;
  const adminUrl = `http://127.0.0.1:${admin}`;
  let current: ServiceProcess;

  async function start(): Promise<number> {
    const began = performance.now();
    current = startProcess("deploy/standalone/src/main.ts", environment);
    const failed = current.exited.then((code) => {
      throw new Error(`standalone ended with ${code}:\n${current.output()}`);
    });
    const ready = eventually(async () => (await fetch(`${adminUrl}/ready`)).ok, { withinMs: 60_000, what: "ready" });
    await Promise.race([ready, failed]);
    failed.catch(() => undefined);
    return performance.now() - began;
  }

  const readyMs = await start();
  return {
    name: "standalone",
    readyMs,
    freshMs: 1_000,
    grpcUrl: `http://127.0.0.1:${grpc}`,
    httpUrl: `http://127.0.0.1:${http}`,
    apiUrl,
    adminUrl,
    apiKey: testApiKey,
    dataDirectory,
    environment,
    process: () => current,
    async stop() {
      current.signal("SIGTERM");
      await current.exited;
    },
    restart: start,
    get: createReader(apiUrl, testApiKey),
    async close() {
      await current.kill();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}
