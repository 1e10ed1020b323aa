/** A process that sends prepared requests as hard as it is told to, with as little of its own work as possible; prints a FloodResult. */
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import http2, { type ClientHttp2Session } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { createWorkload } from "../../bench/workload.ts";
import type { FloodOptions, FloodResult, Quantiles } from "./flood-options.ts";

type Outcome =
  | { readonly kind: "accepted" | "timed_out" | "failed" }
  | { readonly kind: "refused"; readonly hintMs: number | undefined; readonly turnedAway: boolean };
type Send = (body: Buffer) => Promise<Outcome>;

interface Connection {
  /** Resolves when the peer has accepted it. */
  open(): Promise<void>;
  readonly send: Send;
}

const exportPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** A minute of a hundred thousand calls must fit into one line of output. */
const acceptedAtStepMs = 10;

/** What the receiver says to those that it does not let in (receive-export.ts). */
const turnedAwayText = "too many bytes in flight";

if (import.meta.main) {
  // `as`: written by flood.ts.
  const options = JSON.parse(process.argv[2] ?? "{}") as FloodOptions;
  process.stdout.write(`${JSON.stringify(await flood(options))}\n`, () => process.exit(0));
}

async function flood(options: FloodOptions): Promise<FloodResult> {
  const workload = createWorkload({
    seed: process.pid,
    spanCount: Math.max(6_000, options.spansPerRequest * 8),
    startMs: Date.now(),
  });
  const bodies = [...workload.requests(options.spansPerRequest)]
    .slice(0, -1)
    .map((body) => (options.transport === "grpc" ? frame(body) : Buffer.from(body)));
  const callers = options.connections * options.callsPerConnection;
  const connections = Array.from({ length: options.connections }, () =>
    options.transport === "grpc" ? grpcConnection(options) : httpConnection(options),
  );
  // The flood is one of requests: how fast connections are accepted is another question.
  await Promise.all(connections.map((connection) => connection.open()));
  const startMs = performance.now();
  const endMs = startMs + options.durationMs;
  const counts = { accepted: 0, refused: 0, hinted: 0, timed_out: 0, failed: 0 };
  const acceptedMs: number[] = [];
  const refusedMs: number[] = [];
  const turnedAwayMs: number[] = [];
  const acceptedAtMs: number[] = [];
  /** Requests that were due so far; whoever is free takes the next one. */
  let taken = 0;
  const everyMs = options.requestsPerSecond === 0 ? 0 : 1_000 / options.requestsPerSecond;

  async function call(send: Send): Promise<void> {
    while (performance.now() < endMs) {
      const number = taken++;
      const waitMs = startMs + number * everyMs - performance.now();
      if (waitMs > 1) await delay(waitMs);
      const sentMs = performance.now();
      if (sentMs >= endMs) return;
      const outcome = await send(bodies[number % bodies.length] as Buffer);
      const tookMs = performance.now() - sentMs;
      counts[outcome.kind] += 1;
      if (outcome.kind === "accepted") {
        acceptedMs.push(tookMs);
        const nowMs = Date.now();
        if (nowMs - (acceptedAtMs.at(-1) ?? 0) >= acceptedAtStepMs) acceptedAtMs.push(nowMs);
      } else if (outcome.kind === "refused") {
        refusedMs.push(tookMs);
        if (outcome.turnedAway) turnedAwayMs.push(tookMs);
        if (outcome.hintMs !== undefined) counts.hinted += 1;
        if (options.obeysHints) await delay(Math.min(outcome.hintMs ?? 0, Math.max(0, endMs - performance.now())));
      } else {
        // A peer that does not answer, or has gone: not asked in a tight loop.
        await delay(20);
      }
    }
  }

  await Promise.all(
    Array.from({ length: callers }, (_, index) => call((connections[index % connections.length] as Connection).send)),
  );
  return {
    acceptedSpans: counts.accepted * options.spansPerRequest,
    accepted: counts.accepted,
    refused: counts.refused,
    hinted: counts.hinted,
    timedOut: counts.timed_out,
    failed: counts.failed,
    acceptedMs: quantiles(acceptedMs),
    turnedAway: turnedAwayMs.length,
    turnedAwayMs: quantiles(turnedAwayMs),
    refusedMs: quantiles(refusedMs),
    acceptedAtMs,
    elapsedMs: performance.now() - startMs,
  };
}

function httpConnection({ port, apiKey, timeoutMs }: FloodOptions): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send: Send = (body) =>
    new Promise((resolve) => {
      const request = httpRequest(
        {
          host: "127.0.0.1",
          port,
          agent,
          method: "POST",
          path: "/v1/traces",
          headers: {
            "content-type": "application/x-protobuf",
            "content-length": body.length,
            authorization: `Bearer ${apiKey}`,
          },
        },
        (response) => {
          const pieces: Buffer[] = [];
          response.on("data", (piece: Buffer) => pieces.push(piece));
          response.on("end", () => {
            clearTimeout(timer);
            const retryAfter = Number(response.headers["retry-after"]);
            if (response.statusCode === 200) resolve({ kind: "accepted" });
            else if (response.statusCode === 503 || response.statusCode === 429) {
              const turnedAway = Buffer.concat(pieces).includes(turnedAwayText);
              resolve({ kind: "refused", hintMs: retryAfter > 0 ? retryAfter * 1_000 : undefined, turnedAway });
            } else resolve({ kind: "failed" });
          });
          response.on("error", () => resolve({ kind: "failed" }));
        },
      );
      const timer = setTimeout(() => {
        resolve({ kind: "timed_out" });
        request.destroy();
      }, timeoutMs);
      request.on("error", () => {
        clearTimeout(timer);
        resolve({ kind: "failed" });
      });
      request.end(body);
    });
  const open = () =>
    new Promise<void>((resolve, reject) => {
      const request = httpRequest({ host: "127.0.0.1", port, agent, path: "/" }, (response) => {
        response.resume();
        response.on("end", () => resolve());
      });
      request.on("error", reject);
      request.end();
    });
  return { open, send };
}

function grpcConnection({ port, apiKey, timeoutMs }: FloodOptions): Connection {
  let session: ClientHttp2Session | undefined;
  const connected = (): ClientHttp2Session => {
    if (session === undefined || session.closed || session.destroyed) {
      session = http2.connect(`http://127.0.0.1:${port}`);
      session.on("error", () => undefined);
    }
    return session;
  };
  const send: Send = (body) =>
    new Promise((resolve) => {
      const stream = connected().request({
        ":method": "POST",
        ":path": exportPath,
        "content-type": "application/grpc",
        te: "trailers",
        authorization: `Bearer ${apiKey}`,
        "grpc-timeout": `${timeoutMs}m`,
      });
      const timer = setTimeout(() => {
        resolve({ kind: "timed_out" });
        stream.close(http2.constants.NGHTTP2_CANCEL);
      }, timeoutMs);
      let status: string | undefined;
      let hinted = false;
      let turnedAway = false;
      const read = (headers: http2.IncomingHttpHeaders): void => {
        status ??= headers["grpc-status"]?.toString();
        turnedAway ||= headers["grpc-message"]?.includes(turnedAwayText) === true;
        hinted ||= Buffer.from(String(headers["grpc-status-details-bin"] ?? ""), "base64").includes("RetryInfo");
      };
      stream.on("response", read);
      stream.on("trailers", read);
      stream.on("error", () => undefined);
      stream.on("close", () => {
        clearTimeout(timer);
        if (status === "0") resolve({ kind: "accepted" });
        else if (status === "14" || status === "8")
          resolve({ kind: "refused", hintMs: hinted ? 1_000 : undefined, turnedAway });
        else resolve({ kind: status === "4" ? "timed_out" : "failed" });
      });
      stream.resume();
      stream.end(body);
    });
  const open = async () => {
    await once(connected(), "remoteSettings");
  };
  return { open, send };
}

function frame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

function quantiles(values: number[]): Quantiles {
  values.sort((a, b) => a - b);
  const at = (share: number) => Math.round(values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
