/** otlp-receiver.md section 5 and 7 to 9: answers, load, shutdown, self-report. Numbers are those of its rules. */
import { once } from "node:events";
import { connect } from "node:net";
import { PipelineError } from "@nonet/proto/errors.ts";
import { describe, expect, it, vi } from "vitest";
import { partialSuccess, responseToJson, responseToProtobuf } from "../export-response.ts";
import { refusal, retryAfterSeconds, statusToJson, statusToProtobuf } from "../status.ts";
import { post, postJson } from "./http-client.ts";
import { connectGrpc, frame, readResult } from "./raw-clients.ts";
import { noIdsRequest, referenceJson, referenceRequest, requestOf, requestOfSize, spanBytes } from "./requests.ts";
import { startTestReceiver } from "./start-test-receiver.ts";

// Sockets and processes of other tests share this machine.
vi.setConfig({ testTimeout: 30_000 });

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("reference bytes (5.3)", () => {
  const overloaded = refusal("OVERLOADED", "overloaded", { retryAfterMs: 2_000 });

  it("full success", () => {
    expect([responseToProtobuf(undefined).length, responseToJson(undefined)]).toEqual([0, "{}"]);
  });

  it("partial success", () => {
    const partial = { rejectedSpans: 2, errorMessage: "x" };
    expect(Buffer.from(responseToProtobuf(partial))).toEqual(hex("0a05 0802 120178"));
    expect(responseToJson(partial)).toBe('{"partialSuccess":{"rejectedSpans":"2","errorMessage":"x"}}');
  });

  it("Status with RetryInfo", () => {
    expect(Buffer.from(statusToProtobuf(overloaded))).toEqual(
      hex(
        "080e 120a6f7665726c6f61646564 1a30 0a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e5265747279496e666f 1204 0a020802",
      ),
    );
    expect(Buffer.from(statusToProtobuf(overloaded)).toString("base64").replace(/=+$/, "")).toBe(
      "CA4SCm92ZXJsb2FkZWQaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIAg",
    );
    expect(statusToJson(overloaded)).toBe(
      '{"code":14,"message":"overloaded","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"}]}',
    );
  });

  it("64: retry hints with fractions", () => {
    const cause = refusal("OVERLOADED", "", { retryAfterMs: 1_250 });
    expect(statusToJson(cause)).toContain('"retryDelay":"1.250s"');
    // 1 s and 250,000,000 ns.
    expect(Buffer.from(statusToProtobuf(cause)).subarray(-9)).toEqual(hex("0a 07 0801 10 80e59a77"));
    expect([retryAfterSeconds(1), retryAfterSeconds(1_000), retryAfterSeconds(1_001)]).toEqual([1, 1, 2]);
  });

  it("the request of one span is accepted on both transports", async () => {
    await using test = await startTestReceiver();
    await using grpc = await connectGrpc(test.grpcPort);
    expect(referenceRequest).toHaveLength(80);
    expect((await grpc.send(referenceRequest)).body).toEqual(hex("00 00000000"));
    expect((await post(test, referenceRequest)).body).toHaveLength(0);
    expect((await postJson(test, referenceJson)).text).toBe("{}");
    expect(test.published.map((span) => [span.traceId, span.spanId])).toEqual(
      Array(3).fill(["5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"]),
    );
  });
});

it("55: nothing to say is never an empty partial success", () => {
  const walked = {
    outcome: "walked",
    groups: [],
    spanCount: 1,
    rejectedCount: 0,
    warnings: { invalidParents: 0, droppedLinks: 0, tooDeepValues: 0, indexedValues: 0 },
  } as const;
  expect(partialSuccess(walked, [])).toBeUndefined();
});

describe("60, 61, 62: one cause, one answer", () => {
  const retryable = { retryable: true };
  it.each([
    ["the log is away", new PipelineError("LOG_UNAVAILABLE", "broker secret-host:9092"), 14, 503, true],
    ["the log did not confirm", new PipelineError("LOG_TIMEOUT", "x"), 14, 503, true],
    ["the queue is full", new PipelineError("OVERLOADED", "x"), 14, 503, true],
    ["the control database is away", new PipelineError("CONTROL_UNAVAILABLE", "x"), 14, 503, true],
    [
      "a retryable failure without a code of its own",
      new PipelineError("STORE_REJECTED", "x", retryable),
      14,
      503,
      true,
    ],
    ["a final failure of the log", new PipelineError("LOG_UNAVAILABLE", "x", { retryable: false }), 13, 500, false],
    ["a bug", new TypeError("secret-host is undefined"), 13, 500, false],
  ])("%s", async (_, error, grpcCode, httpCode, hinted) => {
    await using test = await startTestReceiver();
    await using grpc = await connectGrpc(test.grpcPort);
    test.logBehaviour = () => Promise.reject(error);
    const result = await grpc.send(referenceRequest);
    const json = await postJson(test, referenceJson);
    const protobuf = await post(test, referenceRequest);
    expect([result.status, json.status, protobuf.status]).toEqual([grpcCode, httpCode, httpCode]);
    expect(JSON.parse(json.text)).toMatchObject({ code: grpcCode });
    expect([json.headers.get("content-type"), protobuf.headers.get("content-type")]).toEqual([
      "application/json",
      "application/x-protobuf",
    ]);
    expect(protobuf.body.subarray(0, 2)).toEqual(Buffer.from([8, grpcCode]));
    expect(result.details.includes("google.rpc.RetryInfo")).toBe(hinted);
    expect(/^[1-5]$/.test(json.headers.get("retry-after") ?? "")).toBe(hinted);
    expect(json.text.includes("secret-host") || result.message.includes("secret-host")).toBe(false);
    expect(test.receiver.inFlightBytes()).toBe(0);
  });

  it("61: over its rate a tenant gets 429 and RESOURCE_EXHAUSTED with a hint; others go on (79)", async () => {
    await using test = await startTestReceiver({ spansPerSecondMax: 10 });
    await using grpc = await connectGrpc(test.grpcPort);
    test.keys.set("a", { tenantId: "a", projectId: "p" });
    test.keys.set("b", { tenantId: "b", projectId: "p" });
    const many = requestOf(...Array.from({ length: 40 }, (_, index) => spanBytes(index)));
    expect((await grpc.send(many, { authorization: "Bearer a" })).status).toBe(0);
    const result = await grpc.send(referenceRequest, { authorization: "Bearer a" });
    expect([result.status, result.details.includes("RetryInfo")]).toEqual([8, true]);
    const answer = await postJson(test, referenceJson, { authorization: "Bearer a" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "4"]);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 8 });
    expect((await grpc.send(referenceRequest, { authorization: "Bearer b" })).status).toBe(0);
  });

  it("58: a refusal carries the media type of the request", async () => {
    await using test = await startTestReceiver({ requestBytesMax: 1_000 });
    const answer = await post(test, requestOfSize(5_000));
    expect([answer.status, answer.headers.get("content-type")]).toEqual([413, "application/x-protobuf"]);
    expect(answer.body.subarray(0, 2)).toEqual(Buffer.from([8, 8]));
  });
});

describe("53, 77, 78, 80: load and failure", () => {
  it("success waits for the log", async () => {
    await using test = await startTestReceiver();
    await using grpc = await connectGrpc(test.grpcPort);
    let durable = false;
    test.logBehaviour = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      durable = true;
      return { refused: [] };
    };
    expect([(await grpc.send(referenceRequest)).status, durable]).toEqual([0, true]);
  });

  it("none waits beyond the durability time, and bytes stay counted until the log lets go of them", async () => {
    await using test = await startTestReceiver({ publishTimeoutMs: 100 });
    await using grpc = await connectGrpc(test.grpcPort);
    let release = (): void => {};
    test.logBehaviour = () => new Promise((resolve) => (release = () => resolve({ refused: [] })));
    const result = await grpc.send(referenceRequest);
    expect([result.status, result.details.includes("RetryInfo")]).toEqual([14, true]);
    expect(test.receiver.inFlightBytes()).toBeGreaterThanOrEqual(80);
    release();
    await expect.poll(() => test.receiver.inFlightBytes()).toBe(0);
  });

  it("with the log stopped and 64 senders pushing: bounded bytes, quick refusals, recovery without a restart", {
    retry: 2,
  }, async () => {
    const inFlightBytesMax = 1_000_000;
    await using test = await startTestReceiver({ inFlightBytesMax, publishTimeoutMs: 1_000 });
    await using grpc = await connectGrpc(test.grpcPort);
    let stopped = true;
    test.logBehaviour = async () => {
      const until = performance.now() + 1_500;
      while (stopped && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
      if (stopped) throw new PipelineError("LOG_TIMEOUT", "x");
      return { refused: [] };
    };
    const body = requestOfSize(50_000);
    let peakBytes = 0;
    const refusedAfterMs: number[] = [];
    const waitedMs: number[] = [];
    const endAt = performance.now() + 3_000;
    await Promise.all(
      Array.from({ length: 64 }, async (_, index) => {
        while (performance.now() < endAt) {
          const started = performance.now();
          const overGrpc = index % 2 === 0;
          const status = overGrpc ? (await grpc.send(body)).message : JSON.stringify((await post(test, body)).text);
          const tookMs = performance.now() - started;
          peakBytes = Math.max(peakBytes, test.receiver.inFlightBytes());
          (status.includes("too many bytes") ? refusedAfterMs : waitedMs).push(tookMs);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }),
    );
    expect(peakBytes).toBeLessThanOrEqual(inFlightBytesMax);
    expect(refusedAfterMs.length).toBeGreaterThan(100);
    expect(refusedAfterMs.sort((a, b) => a - b)[Math.floor(refusedAfterMs.length / 2)]).toBeLessThan(200);
    expect(Math.max(...waitedMs)).toBeLessThan(1_700);
    stopped = false;
    await expect.poll(async () => (await grpc.send(body)).status, { timeout: 5_000 }).toBe(0);
    await expect.poll(() => test.receiver.inFlightBytes(), { timeout: 3_000 }).toBe(0);
  });

  it("83: a refused request publishes nothing of itself", async () => {
    await using test = await startTestReceiver();
    const damaged = Buffer.concat([requestOf(spanBytes(1), spanBytes(2)), Buffer.from([0x0a])]);
    expect((await post(test, damaged)).status).toBe(400);
    expect(test.published).toHaveLength(0);
  });
});

describe("81: draining", () => {
  it("refuses what is new with a hint of 1 s, ends what runs with a true answer", async () => {
    await using test = await startTestReceiver();
    await using grpc = await connectGrpc(test.grpcPort);
    const waiting: (() => void)[] = [];
    test.logBehaviour = () => new Promise((resolve) => waiting.push(() => resolve({ refused: [] })));
    const running = grpc.send(referenceRequest);
    const half = grpc.open({ pieces: [frame(referenceRequest).subarray(0, 40)], end: false });
    const halfResult = readResult(half);
    const socket = connect(test.httpPort, "127.0.0.1");
    const closed = once(socket, "close");
    let received = "";
    socket.on("data", (data) => (received += data.toString()));
    socket.write("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{");
    await expect.poll(async () => (await test.registry.metrics()).match(/in_flight_requests (\d)/)?.[1]).toBe("3");

    let drained = false;
    const draining = test.receiver.drain().then(() => (drained = true));
    const refused = await grpc.send(referenceRequest);
    expect(refused.status).toBe(14);
    expect(refused.details.subarray(-4)).toEqual(Buffer.from([0x0a, 2, 8, 1]));
    const health = await grpc.call({ path: "/grpc.health.v1.Health/Check", pieces: [frame(Buffer.alloc(0))] });
    expect(health.body).toEqual(frame(Uint8Array.of(8, 2)));
    await expect(post(test, referenceRequest)).rejects.toThrow();

    socket.write("}");
    half.end(frame(referenceRequest).subarray(40));
    await expect.poll(() => waiting.length).toBe(2);
    expect(drained).toBe(false);
    for (const release of waiting) release();
    expect([(await running).status, (await halfResult).status]).toEqual([0, 0]);
    await draining;
    await closed;
    expect(received).toMatch(/^HTTP\/1\.1 200[\s\S]*connection: close/i);
  });

  it("an idle kept-alive connection is answered 503 and closed", async () => {
    await using test = await startTestReceiver();
    const head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let drained: Promise<void> | undefined;
    const socket = connect(test.httpPort, "127.0.0.1", () => socket.write(head));
    let received = "";
    socket.on("data", (data) => {
      received += data.toString();
      if (drained !== undefined) return;
      drained = test.receiver.drain();
      socket.write(head);
    });
    await once(socket, "close");
    await drained;
    expect(received).toMatch(/HTTP\/1\.1 200[\s\S]*HTTP\/1\.1 503[\s\S]*retry-after: 1/i);
  });

  it("ends after the drain time whatever still runs", async () => {
    const test = await startTestReceiver({ drainTimeoutMs: 100 });
    await using grpc = await connectGrpc(test.grpcPort);
    test.logBehaviour = () => new Promise(() => {});
    const running = grpc.send(referenceRequest);
    await expect.poll(() => test.receiver.inFlightBytes()).toBeGreaterThan(0);
    await test.receiver.drain();
    await test.receiver.close();
    await test.receiver.close();
    expect((await running).status).not.toBe(0);
  });
});

describe("91, 92: the receiver's own figures", () => {
  it("received equals accepted and rejected, by transport and encoding", async () => {
    await using test = await startTestReceiver();
    await using grpc = await connectGrpc(test.grpcPort);
    await grpc.send(requestOf(spanBytes(1), spanBytes(2), Buffer.alloc(0)));
    await grpc.send(Buffer.from([0x0b]));
    await post(test, noIdsRequest);
    await postJson(test, referenceJson);
    test.logBehaviour = () => Promise.reject(new PipelineError("LOG_UNAVAILABLE", "x"));
    await postJson(test, referenceJson);
    const text = await test.registry.metrics();
    const sum = (name: string, labels: string): number =>
      text
        .split("\n")
        .filter((line) => line.startsWith(`nonet_receive_${name}{`) && line.includes(labels))
        .reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
    for (const [labels, received, accepted, rejected] of [
      ['transport="grpc",encoding="protobuf"', 3, 2, 1],
      ['transport="http",encoding="protobuf"', 1, 0, 1],
      ['transport="http",encoding="json"', 2, 1, 1],
    ] as const) {
      expect([sum("spans_received", labels), sum("spans_accepted", labels), sum("spans_rejected", labels)]).toEqual([
        received,
        accepted,
        rejected,
      ]);
    }
    expect(sum("requests", 'transport="grpc"')).toBe(2);
    expect(sum("requests_refused", 'transport="grpc",encoding="protobuf",code="invalid_body"')).toBe(1);
    expect(sum("requests_refused", 'code="log_unavailable"')).toBe(1);
    expect(sum("open_connections", 'transport="grpc"')).toBe(1);
    expect(text).toMatch(/nonet_receive_in_flight_bytes 0\n/);
    expect(text).toMatch(/nonet_receive_durable_seconds_count 2\n/);
  });
});

describe("94: the receiver's own spans", () => {
  it("are never sent to itself: what is published is what was sent, trace context and exporter settings or not", async () => {
    await using test = await startTestReceiver();
    await using grpc = await connectGrpc(test.grpcPort);
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", `http://127.0.0.1:${test.grpcPort}`);
    vi.stubEnv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", test.httpUrl);
    const traceparent = "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01";
    for (let round = 0; round < 10; round += 1) {
      await grpc.send(referenceRequest, { traceparent });
      await post(test, referenceRequest, { traceparent });
    }
    vi.unstubAllEnvs();
    expect(test.published).toHaveLength(20);
    expect((await test.registry.metrics()).match(/^nonet_receive_requests\{.*\} (\d+)$/gm)).toHaveLength(2);
  });
});

describe("77: a full backlog", () => {
  it("refuses by headers, and lets in a connection that has nothing in it", async () => {
    await using test = await startTestReceiver({ backlogMsMax: 1 });
    await using busy = await connectGrpc(test.grpcPort);
    await using other = await connectGrpc(test.grpcPort);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    test.logBehaviour = async () => {
      await released;
      return { refused: [] };
    };
    // One after the other until one is refused; the backlog never holds less than 1 MiB.
    const running: Promise<{ status: number | undefined }>[] = [];
    const filled = await expect
      .poll(
        async () => {
          const sent = busy.send(requestOfSize(100_000));
          running.push(sent);
          const first = await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, 50))]);
          return (first as { status?: number } | undefined)?.status;
        },
        { interval: 1, timeout: 20_000 },
      )
      .toBe(14)
      .then(() => true);
    expect(filled).toBe(true);
    // Refused with no byte of the body sent.
    const early = await busy.call({ pieces: [], end: false });
    expect([early.status, early.details.includes("RetryInfo")]).toEqual([14, true]);
    const fair = other.send(referenceRequest);
    await expect.poll(() => test.receiver.inFlight.requests()).toBe(running.length);
    release();
    expect((await fair).status).toBe(0);
    const statuses = (await Promise.all(running)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 0)).toHaveLength(running.length - 1);
  });

  it("what a client has given up before its turn is not decoded", async () => {
    await using test = await startTestReceiver();
    await using grpc = await connectGrpc(test.grpcPort);
    const results = await Promise.all(
      Array.from({ length: 50 }, () => grpc.send(requestOfSize(200_000), { "grpc-timeout": "1m" })),
    );
    expect(results.some(({ status }) => status === 4)).toBe(true);
    await expect.poll(() => test.receiver.inFlightBytes()).toBe(0);
    const decoded = /^nonet_receive_spans_received\{.*\} (\d+)$/m.exec(await test.registry.metrics());
    expect(Number(decoded?.[1] ?? 0)).toBe(test.published.length);
    expect(test.published.length).toBeLessThan(results.length);
    expect((await grpc.send(referenceRequest)).status).toBe(0);
  });
});
