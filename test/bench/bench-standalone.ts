/** A standalone on a data directory that stays, for figures of queries. */
import { freePort } from "../e2e/free-port.ts";
import { eventually, startProcess } from "../e2e/service-process.ts";
import { createReader, type ShapeUnderTest } from "../e2e/shape-under-test.ts";

const apiKey = "sk_test_benchStandalone00000000000000000";

export interface BenchStandalone extends ShapeUnderTest {
  readonly pid: number;
  /** Waits until the list of traces has so many. */
  untilStored(traces: number): Promise<void>;
}

export function benchDirectory(given: string | undefined): string {
  return given ?? new URL("../../.local/bench-store", import.meta.url).pathname;
}

export async function startBenchStandalone(directory: string): Promise<BenchStandalone> {
  const [grpc, http, api, admin] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const service = startProcess("deploy/standalone/src/main.ts", {
    NONET_OTLP_GRPC_ADDRESS: `127.0.0.1:${grpc}`,
    NONET_OTLP_HTTP_ADDRESS: `127.0.0.1:${http}`,
    NONET_API_ADDRESS: `127.0.0.1:${api}`,
    NONET_ADMIN_ADDRESS: `127.0.0.1:${admin}`,
    NONET_API_RATE_PER_MINUTE: "0",
    NONET_DATA_DIR: directory,
    NONET_API_KEY: apiKey,
  });
  const isReady = async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok;
  await eventually(isReady, { withinMs: 120_000, what: `ready:\n${service.output()}` });
  const get = createReader(`http://127.0.0.1:${api}`, apiKey);
  return {
    name: "standalone",
    pid: service.pid,
    grpcUrl: `http://127.0.0.1:${grpc}`,
    httpUrl: `http://127.0.0.1:${http}`,
    apiUrl: `http://127.0.0.1:${api}`,
    apiKey,
    freshMs: 1000,
    get,
    async untilStored(traces) {
      const perPage = 100;
      const path = `/tenants/default/traces?per_page=${perPage}&page=${Math.ceil(traces / perPage)}`;
      const isThere = async () => {
        const { body } = await get(path);
        // `as`: the list of the tenant traces API.
        return (body as { data: readonly unknown[] }).data.length === ((traces - 1) % perPage) + 1;
      };
      await eventually(isThere, { withinMs: 300_000, everyMs: 200, what: `${traces} traces are stored` });
    },
    async close() {
      service.signal("SIGTERM");
      await service.exited;
    },
  };
}
