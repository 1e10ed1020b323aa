/** Sends prepared requests with a fixed number in flight, and times each ack. */
import { Agent, request as httpRequest } from "node:http";
import { gzipSync } from "node:zlib";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ShapeUnderTest } from "../e2e/shape-under-test.ts";

export interface SendOptions {
  readonly inFlight: number;
  /** Default `grpc`. */
  readonly transport?: "grpc" | "http";
  readonly gzip?: boolean;
}

type Target = Pick<ShapeUnderTest, "grpcUrl" | "httpUrl" | "apiKey">;

/** @returns milliseconds from each request to its ack. A refused request, or a partial success, fails the run. */
export async function sendLoad(target: Target, bodies: readonly Uint8Array[], options: SendOptions): Promise<number[]> {
  const sender = options.transport === "http" ? openHttp(target, options) : openGrpc(target, options);
  const ackMs: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < bodies.length) {
      const body = Buffer.from(bodies[next] ?? new Uint8Array());
      next += 1;
      const started = performance.now();
      await sender.send(body);
      ackMs.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: options.inFlight }, worker));
  sender.close();
  return ackMs;
}

interface Sender {
  send(body: Buffer): Promise<void>;
  close(): void;
}

const exportPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const bytes = (value: Buffer): Buffer => value;

function openGrpc(target: Target, { gzip }: SendOptions): Sender {
  const client = new Client(new URL(target.grpcUrl).host, credentials.createInsecure(), {
    ...(gzip && { "grpc.default_compression_algorithm": 2 }),
  });
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${target.apiKey}`);
  return {
    send: (body) =>
      new Promise<void>((resolve, reject) => {
        const deadline = Date.now() + 30_000;
        client.makeUnaryRequest(exportPath, bytes, bytes, body, metadata, { deadline }, (error, answer) => {
          if (error !== null) reject(error);
          else if ((answer?.length ?? 0) > 0) reject(new Error("partial success"));
          else resolve();
        });
      }),
    close: () => client.close(),
  };
}

function openHttp(target: Target, { gzip, inFlight }: SendOptions): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  return {
    send: (body) =>
      new Promise<void>((resolve, reject) => {
        const sent = gzip ? gzipSync(body, { level: 6 }) : body;
        const request = httpRequest(`${target.httpUrl}/v1/traces`, {
          agent,
          method: "POST",
          headers: {
            "content-type": "application/x-protobuf",
            "content-length": sent.length,
            authorization: `Bearer ${target.apiKey}`,
            ...(gzip && { "content-encoding": "gzip" }),
          },
        });
        request.on("error", reject);
        request.on("response", (response) => {
          let size = 0;
          response.on("data", (chunk: Buffer) => {
            size += chunk.length;
          });
          response.on("end", () => {
            if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
            else if (size > 0) reject(new Error("partial success"));
            else resolve();
          });
        });
        request.end(sent);
      }),
    close: () => agent.destroy(),
  };
}
