/** The OTLP receiver: gRPC and HTTP servers over one handler, with their life from listening to drained. */
import { createServer as createHttpServer } from "node:http";
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { type ListenAddress, listenError } from "@nonet/proto/listen-address.ts";
import type { Registry } from "prom-client";
import { createBacklog } from "./backlog.ts";
import { createCors } from "./cors.ts";
import { createInFlight, type InFlight } from "./in-flight.ts";
import { createJsonDecoder } from "./json-decoder.ts";
import { createGrpcTransport } from "./otlp-grpc.ts";
import { createHttpTransport } from "./otlp-http.ts";
import { createRateLimit } from "./rate-limit.ts";
import { createExportHandler, type ReceiveDeps } from "./receive-export.ts";
import { createReceiveMetrics } from "./receive-metrics.ts";
import type { ReceiverConfig } from "./receiver-config.ts";
import { createRetryHint } from "./retry-hint.ts";
import { loadTls, type TlsOptions, watchTls } from "./tls-files.ts";
import { createTurns } from "./turns.ts";

export interface Receiver {
  /** Where it listens, with the ports that were taken. */
  readonly grpcAddresses: readonly ListenAddress[];
  readonly httpAddresses: readonly ListenAddress[];
  /**
   * Health turns NOT_SERVING, new connections are refused, new requests get UNAVAILABLE; resolves when every request has its answer, or after
   * the drain time (rule 81). Safe to call twice.
   */
  drain(): Promise<void>;
  /** Ends everything. Safe to call twice, and without `drain`. */
  close(): Promise<void>;
  inFlightBytes(): number;
  /** For what comes in another way, so that all of it is within one limit. */
  readonly inFlight: InFlight;
  /** What a tenant sent to another process that shares its rate. */
  payElsewhere(tenantId: string, spans: number): void;
}

export interface ReceiverDeps extends ReceiveDeps {
  /** Where several processes share one rate: told of what tenants sent here. */
  onPaid?(tenantId: string, spans: number): void;
  readonly registry: Registry;
}

/**
 * Requests that are decompressed, decoded and mapped side by side: two, since one may be decompressed on another thread. Each holds the thread
 * for a slice in every turn of the event loop, in which one new connection is accepted.
 */
const runningMax = 2;

/** How long connections may take to end once they have their answers. */
const closeGraceMs = 1_000;

/**
 * @throws PipelineError `ADDRESS_IN_USE` or `CONFIG_INVALID`, naming the setting; no port is open then.
 */
export async function startReceiver(config: ReceiverConfig, deps: ReceiverDeps): Promise<Receiver> {
  const tls = config.tls === undefined ? undefined : loadTls(config.tls);
  const inFlight = createInFlight(config.inFlightBytesMax);
  const backlog = createBacklog({ waitMsMax: config.backlogMsMax }, { now: () => performance.now() });
  const json = createJsonDecoder();
  const httpSockets = new Set<Socket>();
  const metrics = createReceiveMetrics(deps.registry, {
    inFlightBytes: inFlight.bytes,
    inFlightRequests: inFlight.requests,
    backlogBytes: backlog.bytes,
    openConnections: (transport) => (transport === "grpc" ? grpc.openConnections() : httpSockets.size),
  });
  const rateLimit = createRateLimit(config.spansPerSecondMax, deps.now, deps.onPaid);
  const handler = createExportHandler(config, deps, {
    inFlight,
    backlog,
    turns: createTurns(runningMax),
    json,
    metrics,
    rateLimit,
    retryHint: createRetryHint(config, { now: deps.now, random: Math.random }),
  });
  const grpc = createGrpcTransport(config, handler);
  const http = createHttpTransport(config, handler, config.cors === undefined ? undefined : createCors(config.cors));
  const servers: OpenServer[] = [];
  try {
    for (const address of config.grpcAddresses) {
      const server = createGrpcServer(config, tls);
      grpc.attach(server);
      await listen(server, address, { kind: "grpc", setting: "NONET_OTLP_GRPC_ADDRESS", servers });
    }
    for (const address of config.httpAddresses) {
      const server = tls === undefined ? createPlainHttp(config) : createTlsHttp(config, tls);
      server.on("request", http.handle);
      server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
        httpSockets.add(socket);
        socket.once("close", () => httpSockets.delete(socket));
      });
      await listen(server, address, { kind: "http", setting: "NONET_OTLP_HTTP_ADDRESS", servers });
    }
    assertListening(config, servers);
  } catch (error) {
    await Promise.all(servers.map(({ server }) => stopListening(server)));
    throw error;
  }
  const stopWatching =
    config.tls === undefined || tls === undefined
      ? undefined
      : watchTls(config.tls, { intervalMs: config.tlsReloadMs, first: tls, log: deps.log }, (next) => {
          for (const { server } of servers) if (isSecure(server)) server.setSecureContext(next);
        });

  let draining: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    grpc.startDraining();
    handler.startDraining();
    http.startDraining();
    for (const { server } of servers) void stopListening(server);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, config.drainTimeoutMs);
    });
    await Promise.race([inFlight.idle(), timeout]);
    clearTimeout(timer);
  }

  async function close(): Promise<void> {
    stopWatching?.();
    grpc.startDraining();
    handler.startDraining();
    http.startDraining();
    for (const { server } of servers) void stopListening(server);
    await grpc.close(closeGraceMs);
    for (const socket of httpSockets) socket.destroySoon();
    const timer = setTimeout(() => {
      for (const socket of httpSockets) socket.destroy();
    }, closeGraceMs);
    await Promise.all(
      [...httpSockets].map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))),
    );
    clearTimeout(timer);
    await json.close();
  }

  return {
    grpcAddresses: servers.filter(({ kind }) => kind === "grpc").map(({ address }) => address),
    httpAddresses: servers.filter(({ kind }) => kind === "http").map(({ address }) => address),
    drain: () => {
      draining ??= drain();
      return draining;
    },
    close: () => {
      closing ??= close();
      return closing;
    },
    inFlightBytes: inFlight.bytes,
    inFlight,
    payElsewhere: rateLimit.payElsewhere,
  };
}

interface OpenServer {
  readonly kind: "grpc" | "http";
  readonly server: NetServer;
  readonly address: ListenAddress;
}

function createGrpcServer(config: ReceiverConfig, tls: TlsOptions | undefined): Http2Server {
  const options = {
    settings: { maxConcurrentStreams: config.concurrentStreamsMax, initialWindowSize: streamWindowBytes },
    // Unread bytes are bounded by the windows; Node's own limit of 10 MB would refuse streams of a busy connection.
    maxSessionMemory: 512,
    // Clients whose calls time out reset them in bursts; a flood of resets still ends the connection.
    streamResetBurst: 20_000,
    streamResetRate: 1_000,
  };
  if (tls === undefined) return createHttp2Server(options);
  return createSecureServer({ ...options, ...tls, ALPNProtocols: ["h2"] }) as Http2SecureServer & Http2Server;
}

const streamWindowBytes = 1_048_576;

function createPlainHttp(config: ReceiverConfig): NetServer {
  const server = createHttpServer({
    headersTimeout: config.headersTimeoutMs,
    // The body has a timer of its own, which answers with a Status; this ends those that were refused and never finish sending.
    requestTimeout: config.headersTimeoutMs + config.bodyTimeoutMs,
    keepAliveTimeout: config.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, config.headersTimeoutMs),
    noDelay: true,
  });
  return server;
}

function createTlsHttp(config: ReceiverConfig, tls: TlsOptions): NetServer {
  const server = createSecureServer({
    ...tls,
    allowHTTP1: true,
    settings: { maxConcurrentStreams: config.concurrentStreamsMax, initialWindowSize: streamWindowBytes },
    maxSessionMemory: 512,
    streamResetBurst: 20_000,
    streamResetRate: 1_000,
  });
  server.on("session", (session: ServerHttp2Session) => session.on("error", () => session.destroy()));
  server.on("sessionError", (_: Error, session: ServerHttp2Session) => session.destroy());
  Object.assign(server, {
    headersTimeout: config.headersTimeoutMs,
    requestTimeout: config.headersTimeoutMs + config.bodyTimeoutMs,
    keepAliveTimeout: config.idleTimeoutMs,
  });
  return server;
}

const keepAliveProbeMs = 60_000;

/** Adds the server to `servers` when it listens. An IPv6 loopback that the machine does not have is left out. */
async function listen(
  server: NetServer,
  address: ListenAddress,
  into: { readonly kind: "grpc" | "http"; readonly setting: string; readonly servers: OpenServer[] },
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: address.host, port: address.port, backlog: 511 }, () => {
        server.removeListener("error", reject);
        resolve();
      });
    });
  } catch (caught) {
    const error = caught as NodeJS.ErrnoException;
    if (address.host === "::1" && (error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT")) return;
    throw listenError(error, { ...address, setting: into.setting });
  }
  // Connections whose other end has vanished are found out.
  server.on("connection", (socket: Socket) => socket.setKeepAlive(true, keepAliveProbeMs));
  // A connection that fails before it is accepted is that client's trouble.
  server.on("error", () => {});
  const port = (server.address() as AddressInfo).port;
  into.servers.push({ kind: into.kind, server, address: { host: address.host, port } });
}

/** An address list of which nothing could be opened is an error, absent IPv6 or not. */
function assertListening(config: ReceiverConfig, servers: readonly OpenServer[]): void {
  for (const [kind, addresses, setting] of [
    ["grpc", config.grpcAddresses, "NONET_OTLP_GRPC_ADDRESS"],
    ["http", config.httpAddresses, "NONET_OTLP_HTTP_ADDRESS"],
  ] as const) {
    const first = addresses[0];
    if (first === undefined || servers.some((server) => server.kind === kind)) continue;
    throw listenError(Object.assign(new Error("no such address"), { code: "EADDRNOTAVAIL" }), { ...first, setting });
  }
}

/** Refuses new connections and leaves open ones alone, which the close methods of the HTTP servers do not. */
function stopListening(server: NetServer): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) resolve();
    else NetServer.prototype.close.call(server, () => resolve());
  });
}

function isSecure(server: NetServer): server is NetServer & { setSecureContext(options: TlsOptions): void } {
  return "setSecureContext" in server && typeof server.setSecureContext === "function";
}
