/** The receiver as `@grpc/grpc-js` sees it, the client under the OpenTelemetry SDK for JavaScript. */
import {
  type CallOptions,
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { PipelineError } from "@nonet/proto/errors.ts";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { exportPath } from "./raw-clients.ts";
import { noIdsRequest, referenceRequest, requestOfSize } from "./requests.ts";
import { startTestReceiver, type TestReceiver } from "./start-test-receiver.ts";

// Sockets and processes of other tests share this machine.
vi.setConfig({ testTimeout: 30_000 });

let test: TestReceiver;
let client: Client;
let gzipClient: Client;

beforeAll(async () => {
  test = await startTestReceiver();
  const address = `127.0.0.1:${test.grpcPort}`;
  client = new Client(address, credentials.createInsecure());
  gzipClient = new Client(address, credentials.createInsecure(), {
    "grpc.default_compression_algorithm": compressionAlgorithms.gzip,
  });
});
afterAll(async () => {
  client.close();
  gzipClient.close();
  await test[Symbol.asyncDispose]();
});

interface Outcome {
  readonly error: ServiceError | null;
  readonly body: Buffer | undefined;
  readonly trailers: Metadata | undefined;
}

function call(using: Client, body: Buffer, options: CallOptions = {}, path = exportPath): Promise<Outcome> {
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    let trailers: Metadata | undefined;
    using
      .makeUnaryRequest(path, same, same, body, new Metadata(), options, (error, response) =>
        setImmediate(() => resolve({ error, body: response, trailers })),
      )
      .on("status", (status) => {
        trailers = status.metadata;
      });
  });
}

it("exports, plain and gzip, small and large", async () => {
  test.published.length = 0;
  for (const body of [referenceRequest, requestOfSize(3_000_000)]) {
    for (const using of [client, gzipClient])
      expect(await call(using, body)).toMatchObject({ error: null, body: Buffer.alloc(0) });
  }
  expect(test.published).toHaveLength(4);
});

it("reads partial success, errors with details, and the receipt", async () => {
  expect((await call(client, noIdsRequest)).body?.subarray(0, 1)).toEqual(Buffer.from([0x0a]));
  const bad = await call(client, Buffer.from([0x0b]));
  expect([bad.error?.code, String(bad.error?.metadata.get("grpc-status-details-bin")[0])]).toEqual([
    3,
    expect.stringContaining("BadRequest"),
  ]);
  test.logBehaviour = () => Promise.reject(new PipelineError("LOG_UNAVAILABLE", "x"));
  const away = await call(client, referenceRequest);
  expect([away.error?.code, String(away.error?.metadata.get("grpc-status-details-bin")[0])]).toEqual([
    14,
    expect.stringContaining("RetryInfo"),
  ]);
  test.logBehaviour = async () => ({ refused: [], receipt: "r-1" });
  const good = await call(client, referenceRequest);
  test.logBehaviour = undefined;
  expect(good.trailers?.get("nonet-receipt")).toEqual(["r-1"]);
});

it("is told early when a message is too large, and the connection goes on", async () => {
  const large = await call(client, Buffer.alloc(65 * 1_048_576));
  expect(large.error?.code).toBe(8);
  expect((await call(client, referenceRequest)).error).toBeNull();
});

it("gets the deadline it asked for", async () => {
  test.logBehaviour = () => new Promise(() => {});
  const outcome = await call(client, referenceRequest, { deadline: Date.now() + 100 });
  test.logBehaviour = undefined;
  expect(outcome.error?.code).toBe(4);
});

it("asks for health", async () => {
  expect(await call(client, Buffer.alloc(0), {}, "/grpc.health.v1.Health/Check")).toMatchObject({
    error: null,
    body: Buffer.from([8, 1]),
  });
});

it("watches health until drain", async () => {
  const other = await startTestReceiver();
  const watcher = new Client(`127.0.0.1:${other.grpcPort}`, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  const seen: number[] = [];
  const stream = watcher.makeServerStreamRequest("/grpc.health.v1.Health/Watch", same, same, Buffer.alloc(0));
  stream.on("error", () => {});
  stream.on("data", (message: Buffer) => seen.push(message[1] ?? 0));
  await expect.poll(() => seen).toEqual([1]);
  await other.receiver.drain();
  await expect.poll(() => seen).toEqual([1, 2]);
  await other.receiver.close();
  watcher.close();
});
