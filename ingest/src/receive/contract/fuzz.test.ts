/**
 * otlp-receiver.md rule 84: any byte sequence on both ports, seeded. `NONET_FUZZ_SECONDS` makes it longer (3600 for the contract's hour) and
 * `NONET_TEST_SEED` another one.
 */
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { encodeRequest, seededRandom, validRequest } from "@nonet/proto/testdata/otlp-messages.ts";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { post } from "./http-client.ts";
import { connectGrpc, frame, rawGrpc } from "./raw-clients.ts";
import { referenceJson, referenceRequest } from "./requests.ts";
import { startTestReceiver } from "./start-test-receiver.ts";

const seconds = Number(process.env["NONET_FUZZ_SECONDS"] ?? 4);
const seed = Number(process.env["NONET_TEST_SEED"] ?? 20261124);
vi.setConfig({ testTimeout: seconds * 1_000 + 60_000 });

it("84: mutated requests never crash, hang or leak", { retry: 2 }, async () => {
  await using test = await startTestReceiver({ requestBytesMax: 1_000_000 });
  const random = seededRandom(seed);
  const bases = fc.sample(validRequest, { seed, numRuns: 40 }).map(encodeRequest);
  bases.push(referenceRequest);
  const endAt = performance.now() + seconds * 1_000;
  let requests = 0;
  let memoryAfterWarmUp = 0;
  const warmUpUntil = performance.now() + seconds * 300;

  while (performance.now() < endAt) {
    const round = Array.from({ length: 20 }, async () => {
      const body = mutate(bases[Math.floor(random() * bases.length)] as Buffer, random);
      const started = performance.now();
      await send(Math.floor(random() * 6), body);
      expect(performance.now() - started).toBeLessThan(10_000);
      requests++;
    });
    await Promise.all(round);
    test.published.length = 0;
    if (memoryAfterWarmUp === 0 && performance.now() > warmUpUntil) memoryAfterWarmUp = process.memoryUsage.rss();
  }

  expect(requests).toBeGreaterThan(50);
  await expect.poll(() => test.receiver.inFlightBytes(), { timeout: 15_000 }).toBe(0);
  expect((await post(test, referenceRequest)).status).toBe(200);
  await using grpc = await connectGrpc(test.grpcPort);
  expect((await grpc.send(referenceRequest)).status).toBe(0);
  expect(process.memoryUsage.rss() - memoryAfterWarmUp).toBeLessThan(200 * 1_048_576);

  async function send(kind: number, body: Buffer<ArrayBuffer>): Promise<void> {
    switch (kind) {
      case 0: {
        const answer = await post(test, body);
        expect([200, 400]).toContain(answer.status);
        break;
      }
      case 1: {
        const answer = await post(test, mutate(Buffer.from(referenceJson), random), {
          "content-type": "application/json",
        });
        expect([200, 400]).toContain(answer.status);
        break;
      }
      case 2: {
        const answer = await post(test, mutate(gzipSync(body), random), { "content-encoding": "gzip" });
        expect([200, 400, 413]).toContain(answer.status);
        break;
      }
      case 3:
        await rawGrpc(test.grpcPort, [mutate(frame(body), random)]);
        break;
      case 4: {
        await using grpc = await connectGrpc(test.grpcPort);
        const result = await grpc.call({ pieces: [frame(mutate(body, random), random() < 0.2 ? 1 : 0)] });
        expect([0, 3, 13]).toContain(result.status);
        break;
      }
      default:
        await rawBytes(random() < 0.5 ? test.grpcPort : test.httpPort, body);
    }
  }
});

/** A connection that begins like one of the protocols and goes on with anything. */
async function rawBytes(port: number, body: Buffer): Promise<void> {
  const openings = [
    "",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
  ];
  await new Promise<void>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(openings[body.length % openings.length] as string);
      socket.end(body);
      socket.setTimeout(200, () => socket.destroy());
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.resume();
  });
}

function mutate(base: Buffer, random: () => number): Buffer<ArrayBuffer> {
  const bytes = Buffer.from(base);
  const changes = Math.floor(random() * 4);
  for (let change = 0; change < changes && bytes.length > 0; change++) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  if (random() < 0.2) return bytes.subarray(0, Math.floor(random() * bytes.length));
  return bytes;
}
