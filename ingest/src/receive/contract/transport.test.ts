/** otlp-receiver.md section 1: transport. Numbers are those of its rules. */
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { field } from "@nonet/proto/testdata/otlp-messages.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { connectGrpc, exportPath, frame, type GrpcConnection, rawGrpc, rawHttp, readResult } from "./raw-clients.ts";
import { referenceJson, referenceRequest, requestOf, requestOfSize, spanBytes } from "./requests.ts";
import { startTestReceiver, type TestReceiver } from "./start-test-receiver.ts";

// Sockets and processes of other tests share this machine.
vi.setConfig({ testTimeout: 30_000 });

let test: TestReceiver;
let grpc: GrpcConnection;

beforeAll(async () => {
  test = await startTestReceiver({ bodyTimeoutMs: 6_000 });
  grpc = await connectGrpc(test.grpcPort);
});
afterAll(async () => {
  await grpc[Symbol.asyncDispose]();
  await test[Symbol.asyncDispose]();
});
beforeEach(() => {
  test.published.length = 0;
});

function post(
  body: NonNullable<RequestInit["body"]>,
  headers: Record<string, string> = {},
  path = "/v1/traces",
): Promise<Response> {
  return fetch(`http://127.0.0.1:${test.httpPort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", ...headers },
    body,
  });
}

describe("both transports", () => {
  it("1, 11: gRPC Export takes a request", async () => {
    const result = await grpc.send(referenceRequest);
    expect(result).toMatchObject({ http: 200, status: 0 });
    expect(result.headers["content-type"]).toBe("application/grpc");
    expect(test.published).toHaveLength(1);
  });

  it("2, 4: POST /v1/traces takes protobuf and JSON on one port", async () => {
    expect((await post(referenceRequest)).status).toBe(200);
    expect((await post(referenceJson, { "content-type": "application/json" })).status).toBe(200);
    expect(test.published).toHaveLength(2);
    expect(test.published[1]).toMatchObject({ traceId: test.published[0]?.traceId, spanId: test.published[0]?.spanId });
  });

  it("6: the query string is ignored; a trailing slash is another path", async () => {
    expect((await post(referenceRequest, {}, "/v1/traces?a=b")).status).toBe(200);
    expect((await post(referenceRequest, {}, "/v1/traces/")).status).toBe(404);
  });

  it("6: the path is configurable", async () => {
    await using other = await startTestReceiver({ httpPath: "/ingest/otlp" });
    const options = { method: "POST", headers: { "content-type": "application/x-protobuf" }, body: referenceRequest };
    expect((await fetch(`http://127.0.0.1:${other.httpPort}/ingest/otlp`, options)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${other.httpPort}/v1/traces`, options)).status).toBe(404);
  });

  it.each(["/v1/metrics", "/v1/logs", "/v1development/profiles"])("7: %s gives 404 with a Status", async (path) => {
    const response = await post(referenceJson, { "content-type": "application/json" }, path);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 12 });
  });

  it.each([
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
    "/opentelemetry.proto.collector.trace.v1.TraceService/Other",
    "/nothing",
  ])("7, 14: %s gives UNIMPLEMENTED", async (path) => {
    expect(await grpc.call({ path, pieces: [frame(referenceRequest)] })).toMatchObject({ http: 200, status: 12 });
  });

  it("8: a slow request does not hold back others on its connection", { retry: 2 }, async () => {
    const body = frame(requestOfSize(50_000));
    const slow = grpc.open({ end: false });
    const slowResult = readResult(slow);
    let sent = 0;
    const timer = setInterval(() => {
      slow.write(body.subarray(sent, sent + body.length / 10));
      sent += body.length / 10;
      if (sent >= body.length) {
        clearInterval(timer);
        slow.end();
      }
    }, 150);
    const started = performance.now();
    const results = await Promise.all(Array.from({ length: 100 }, () => grpc.send(referenceRequest)));
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(results.every((result) => result.status === 0)).toBe(true);
    expect(await slowResult).toMatchObject({ status: 0 });
    expect(test.published).toHaveLength(101);
  });

  it("9: bodies come in chunks or with a length", async () => {
    const chunks = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of referenceRequest) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const response = await fetch(test.httpUrl, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf" },
      body: chunks,
      duplex: "half",
    } as RequestInit);
    expect(response.status).toBe(200);
    expect(test.published).toHaveLength(1);
  });

  it("9: Expect: 100-continue is answered", async () => {
    const request = httpRequest(test.httpUrl, {
      method: "POST",
      headers: {
        "content-type": "application/x-protobuf",
        "content-length": referenceRequest.length,
        expect: "100-continue",
      },
    });
    request.flushHeaders();
    await once(request, "continue");
    request.end(referenceRequest);
    const [response] = await once(request, "response");
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  it("10: a connection serves one request after the other", async () => {
    const head = `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: ${referenceRequest.length}\r\n\r\n`;
    const twice = await rawHttp(test.httpPort, [head, referenceRequest, head, referenceRequest], (received) =>
      /HTTP\/1\.1 200[\s\S]*HTTP\/1\.1 200[\s\S]*\r\n\r\n$/.test(received),
    );
    expect(twice.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(twice).toMatch(/keep-alive: timeout=(7[5-9]|[89]\d|\d{3})/i);
  });
});

describe("10: requests that do not arrive in time are ended", () => {
  it("headers, body over HTTP, body over gRPC, a silent connection", async () => {
    await using slow = await startTestReceiver({ headersTimeoutMs: 400, bodyTimeoutMs: 300 });
    const noHeaders = rawHttp(slow.httpPort, ["POST /v1/traces HTTP/1.1\r\nHost: x\r\n"]);
    const silent = rawHttp(slow.httpPort, []);
    const noBody = rawHttp(slow.httpPort, [
      "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ]);
    const silentGrpc = rawHttp(slow.grpcPort, []);
    await using connection = await connectGrpc(slow.grpcPort);
    const noMessage = await connection.call({ pieces: [frame(referenceRequest).subarray(0, 20)], end: false });
    expect(noMessage.status).toBe(4);
    expect(await noHeaders).toMatch(/^HTTP\/1\.1 408/);
    expect(await noBody).toMatch(/^HTTP\/1\.1 408[\s\S]*"code":4/);
    await silent;
    await silentGrpc;
    expect(slow.receiver.inFlightBytes()).toBe(0);
    expect((await connection.send(referenceRequest)).status).toBe(0);
  });
});

describe("gRPC", () => {
  it.each(["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8", "Application/gRPC"])(
    "11: content-type %s is taken",
    async (contentType) => {
      expect(await grpc.send(referenceRequest, { "content-type": contentType })).toMatchObject({ status: 0 });
    },
  );

  it.each(["application/json", "text/plain", "application/grpc-web", "application/grpc+json"])(
    "11: content-type %s gives HTTP 415",
    async (contentType) => {
      expect(await grpc.send(referenceRequest, { "content-type": contentType })).toMatchObject({ http: 415 });
      expect(test.published).toHaveLength(0);
    },
  );

  it("12: a request in 1-byte DATA frames equals the whole", async () => {
    const whole = await grpc.send(referenceRequest);
    const pieces = Array.from(frame(referenceRequest), (byte) => Uint8Array.of(byte));
    expect(await rawGrpc(test.grpcPort, pieces)).toEqual({ body: whole.body, reset: false });
    expect(test.published[1]).toEqual(test.published[0]);
  });

  it("12, 78: 100,000 one-byte frames cost no more than their bytes", { retry: 2, timeout: 30_000 }, async () => {
    const bytes = frame(requestOfSize(100_000));
    const before = process.memoryUsage.rss();
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    await rawGrpc(test.grpcPort, pieces);
    expect(test.published).toHaveLength(1);
    // The client's own pieces are in this process too.
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 * 1_048_576);
  });

  it("13: results travel in trailers, errors may be headers only, with details in base64", async () => {
    const good = await grpc.send(referenceRequest);
    expect(good.trailers["grpc-status"]).toBe("0");
    expect(good.body).toEqual(Buffer.from("0000000000", "hex"));
    const bad = await grpc.send(Buffer.from([0x0b]));
    expect(bad).toMatchObject({ http: 200, status: 3 });
    expect(bad.details.subarray(0, 2)).toEqual(Buffer.from([0x08, 3]));
  });

  it("15: an unknown grpc-encoding gives UNIMPLEMENTED and names those that are known", async () => {
    const result = await grpc.send(referenceRequest, { "grpc-encoding": "snappy" });
    expect(result.status).toBe(12);
    expect(result.headers["grpc-accept-encoding"]).toMatch(/\bidentity\b.*\bgzip\b/);
  });

  it.each([undefined, "identity"])(
    "15: a compressed message with grpc-encoding %s gives INTERNAL",
    async (encoding) => {
      const headers = encoding === undefined ? {} : { "grpc-encoding": encoding };
      expect(await grpc.call({ headers, pieces: [frame(referenceRequest, 1)] })).toMatchObject({ status: 13 });
      expect(test.published).toHaveLength(0);
    },
  );

  it.each([
    ["no message", []],
    ["half a header", [frame(referenceRequest).subarray(0, 3)]],
    ["half a message", [frame(referenceRequest).subarray(0, 30)]],
    ["two messages", [frame(referenceRequest), frame(referenceRequest)]],
    ["a byte more", [frame(referenceRequest), Uint8Array.of(0)]],
    ["a flag of 2", [frame(referenceRequest, 2)]],
  ])("16: a stream with %s is refused and publishes nothing", async (_, pieces) => {
    const result = await grpc.call({ pieces });
    expect([3, 13]).toContain(result.status);
    expect(test.published).toHaveLength(0);
  });

  it("17: grpc-timeout is honoured", { retry: 2 }, async () => {
    let release = (): void => {};
    test.logBehaviour = () => new Promise((resolve) => (release = () => resolve({ refused: [] })));
    const started = performance.now();
    const result = await grpc.send(referenceRequest, { "grpc-timeout": "100m" });
    test.logBehaviour = undefined;
    release();
    expect(result.status).toBe(4);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it("17: a grpc-timeout that is none is refused", async () => {
    expect((await grpc.send(referenceRequest, { "grpc-timeout": "soon" })).status).toBe(13);
    expect((await grpc.send(referenceRequest, { "grpc-timeout": "99999999H" })).status).toBe(0);
  });

  it("19: pings are answered, however many", async () => {
    for (let ping = 0; ping < 50; ping++) {
      await new Promise<void>((resolve, reject) =>
        grpc.session.ping((error) => (error === null ? resolve() : reject(error))),
      );
    }
    expect((await grpc.send(referenceRequest)).status).toBe(0);
  });

  it("20: health answers SERVING for the server and its service, NOT_FOUND for others", async () => {
    const path = "/grpc.health.v1.Health/Check";
    for (const service of ["", "opentelemetry.proto.collector.trace.v1.TraceService"]) {
      const result = await grpc.call({ path, pieces: [frame(service === "" ? Buffer.alloc(0) : field(1, service))] });
      expect([result.status, result.body]).toEqual([0, frame(Uint8Array.of(8, 1))]);
    }
    expect((await grpc.call({ path, pieces: [frame(field(1, "other"))] })).status).toBe(5);
  });

  it("21: the receive windows are at least 1 MiB", async () => {
    expect(grpc.session.remoteSettings.initialWindowSize).toBeGreaterThanOrEqual(1_048_576);
    expect(grpc.session.state.remoteWindowSize).toBeGreaterThanOrEqual(1_000_000);
    expect(grpc.session.remoteSettings.maxConcurrentStreams).toBe(256);
  });
});

describe("18: clients that go away at any moment", () => {
  it("over gRPC leave nothing in flight, and the next request is served", async () => {
    const rounds = Number(process.env["NONET_RESET_ROUNDS"] ?? 2_000);
    const bytes = frame(requestOfSize(2_000));
    await using connection = await connectGrpc(test.grpcPort);
    test.logBehaviour = async () => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      return { refused: [] };
    };
    for (let round = 0; round < rounds; round += 100) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const stream = connection.open({ end: false });
          const closed = once(stream, "close");
          if (index % 4 > 0) stream.write(bytes.subarray(0, index % 4 === 1 ? bytes.length / 2 : bytes.length));
          if (index % 4 > 2) stream.end();
          setTimeout(() => stream.close(8), Math.random() * 5);
          await closed;
        }),
      );
    }
    test.logBehaviour = undefined;
    await expect.poll(() => test.receiver.inFlightBytes(), { timeout: 5_000 }).toBe(0);
    expect((await grpc.send(referenceRequest)).status).toBe(0);
  });

  it("with whole connections, over both transports", async () => {
    const rounds = Number(process.env["NONET_RESET_ROUNDS"] ?? 2_000) / 20;
    const head =
      "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 50000\r\n\r\n";
    for (let round = 0; round < rounds; round++) {
      const socket = connect(round % 2 === 0 ? test.httpPort : test.grpcPort, "127.0.0.1");
      socket.on("error", () => {});
      await once(socket, "connect");
      const whole = Buffer.concat([Buffer.from(head), Buffer.alloc(50_000, 0x0a)]);
      socket.write(
        round % 2 === 0
          ? whole.subarray(0, 1 + ((round * 977) % whole.length))
          : Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").subarray(0, round % 30),
      );
      if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      socket.resetAndDestroy();
    }
    await expect.poll(() => test.receiver.inFlightBytes(), { timeout: 5_000 }).toBe(0);
    expect((await post(requestOf(spanBytes(1)))).status).toBe(200);
    expect((await grpc.call({ path: exportPath, pieces: [frame(referenceRequest)] })).status).toBe(0);
  });
});
