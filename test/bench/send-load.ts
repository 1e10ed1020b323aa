/** Sends prepared requests over gRPC with a fixed number in flight, and times each ack. */
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ShapeUnderTest } from "../e2e/shape-under-test.ts";

const exportPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const bytes = (value: Buffer): Buffer => value;

/** @returns milliseconds from each request to its ack. A refused request fails the run. */
export async function startSender(
  shape: ShapeUnderTest,
  bodies: readonly Uint8Array[],
  inFlight: number,
): Promise<number[]> {
  const client = new Client(new URL(shape.grpcUrl).host, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${shape.apiKey}`);
  const ackMs: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < bodies.length) {
      const body = Buffer.from(bodies[next] ?? new Uint8Array());
      next += 1;
      const started = performance.now();
      await new Promise<void>((resolve, reject) => {
        client.makeUnaryRequest(
          exportPath,
          bytes,
          bytes,
          body,
          metadata,
          { deadline: Date.now() + 30_000 },
          (error, answer) => {
            if (error !== null) reject(error);
            else if ((answer?.length ?? 0) > 0) reject(new Error("partial success"));
            else resolve();
          },
        );
      });
      ackMs.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  client.close();
  return ackMs;
}
