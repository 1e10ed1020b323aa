/** otlp-receiver.md section 2: compression. Numbers are those of its rules. */
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { post, postJson } from "./http-client.ts";
import { connectGrpc, frame, type GrpcConnection } from "./raw-clients.ts";
import { referenceJson, referenceRequest, requestOfSize } from "./requests.ts";
import { startTestReceiver, type TestReceiver } from "./start-test-receiver.ts";

// Sockets and processes of other tests share this machine.
vi.setConfig({ testTimeout: 30_000 });

const mebibyte = 1_048_576;
let test: TestReceiver;
let grpc: GrpcConnection;

beforeAll(async () => {
  test = await startTestReceiver();
  grpc = await connectGrpc(test.grpcPort);
});
afterAll(async () => {
  await grpc[Symbol.asyncDispose]();
  await test[Symbol.asyncDispose]();
});
beforeEach(() => {
  test.published.length = 0;
});

const compressors = { gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync };
const sizes = [0, 100, 50_000, 3 * mebibyte];

function sendCompressed(body: Uint8Array, coding: string) {
  return grpc.call({ headers: { "grpc-encoding": coding }, pieces: [frame(body, 1)] });
}

describe.each(Object.entries(compressors))("%s", (coding, compress) => {
  it.each(sizes)("22, 23: a request of about %i bytes on both transports", async (size) => {
    const body = requestOfSize(size);
    const compressed = compress(body);
    expect((await post(test, compressed, { "content-encoding": coding })).status).toBe(200);
    expect((await sendCompressed(compressed, coding)).status).toBe(0);
    expect((await grpc.send(body, { "grpc-encoding": coding })).status).toBe(0);
    expect(test.published.map((span) => span.bytes.length)).toEqual(Array(3).fill(test.published[0]?.bytes.length));
    expect(test.published[0]?.bytes.length).toBeGreaterThan(size);
    expect(Buffer.compare(test.published[1]?.bytes ?? body, test.published[0]?.bytes ?? body)).toBe(0);
  });

  it("22: JSON over HTTP", async () => {
    expect((await postJson(test, compress(Buffer.from(referenceJson)), { "content-encoding": coding })).status).toBe(
      200,
    );
    expect(test.published).toHaveLength(1);
  });

  it("24: names are compared without case", async () => {
    const compressed = compress(referenceRequest);
    expect((await post(test, compressed, { "content-encoding": coding.toUpperCase() })).status).toBe(200);
    expect((await sendCompressed(compressed, coding.toUpperCase())).status).toBe(0);
  });

  const whole = compress(requestOfSize(300));
  const large = compress(
    Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * index * 31 + index) % 251)),
  );
  it.each([
    ["wrong magic", Buffer.from("this is not compressed")],
    ["nothing", Buffer.alloc(0)],
    ["cut short", whole.subarray(0, whole.length - 3)],
    ["large, cut short", large.subarray(0, large.length - 3)],
    ["large, wrong magic", Buffer.alloc(100_000, 0x61)],
  ])("25: a body that does not decompress (%s)", async (_, body) => {
    expect((await post(test, body, { "content-encoding": coding })).status).toBe(400);
    expect([3, 13]).toContain((await sendCompressed(body, coding)).status);
    expect(test.published).toHaveLength(0);
  });
});

describe("compression", () => {
  it.each(["", "identity", "IDENTITY"])("22: Content-Encoding %j means none", async (coding) => {
    expect((await post(test, referenceRequest, { "content-encoding": coding })).status).toBe(200);
  });

  it("22: a plain message under grpc-encoding gzip is taken", async () => {
    expect((await grpc.send(referenceRequest, { "grpc-encoding": "gzip" })).status).toBe(0);
  });

  it.each(["br", "snappy", "gzip, gzip", "gzip,identity", "x"])(
    "23, 24: %s is refused with those accepted",
    async (coding) => {
      const answer = await post(test, referenceRequest, { "content-encoding": coding });
      expect(answer.status).toBe(400);
      expect(answer.text).toMatch(/identity, gzip, deflate, zstd/);
      expect((await grpc.send(referenceRequest, { "grpc-encoding": coding })).status).toBe(12);
    },
  );

  it("25: a wrong checksum is found", async () => {
    const body = gzipSync(requestOfSize(300));
    body[body.length - 6] = (body[body.length - 6] ?? 0) ^ 1;
    expect((await post(test, body, { "content-encoding": "gzip" })).status).toBe(400);
  });

  it("26: a gzip body of several members is read to the end", async () => {
    const body = requestOfSize(200_000);
    const members = [body.subarray(0, 10), body.subarray(10, 100_000), body.subarray(100_000)].map((part) =>
      gzipSync(part),
    );
    expect((await post(test, Buffer.concat(members), { "content-encoding": "gzip" })).status).toBe(200);
    expect((await sendCompressed(Buffer.concat(members), "gzip")).status).toBe(0);
    expect(test.published.map((span) => span.bytes.length > 200_000)).toEqual([true, true]);
  });

  it("27: decompression stops at the limit, in time and memory", { retry: 2 }, async () => {
    const bomb = gzipSync(Buffer.alloc(65 * mebibyte));
    expect(bomb.length).toBeLessThan(100_000);
    const before = process.memoryUsage.rss();
    let peak = before;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
    expect((await post(test, bomb, { "content-encoding": "gzip" })).status).toBe(413);
    const result = await sendCompressed(bomb, "gzip");
    clearInterval(timer);
    expect(result).toMatchObject({ status: 8, details: expect.not.stringContaining("RetryInfo") });
    // Both requests run in this process, and freed memory comes back late: twice the limit and a margin.
    expect(peak - before).toBeLessThan((2 * 64 + 32) * mebibyte);
    expect(test.receiver.inFlightBytes()).toBe(0);
  });

  it("28: responses are not compressed", async () => {
    const answer = await postJson(test, referenceJson, { "accept-encoding": "gzip" });
    expect([answer.headers.get("content-encoding"), answer.text]).toEqual([null, "{}"]);
    const result = await grpc.send(referenceRequest, { "grpc-accept-encoding": "gzip" });
    expect([result.headers["grpc-encoding"], result.body[0]]).toEqual([undefined, 0]);
  });
});
