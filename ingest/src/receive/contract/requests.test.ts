/** otlp-receiver.md sections 3, 4 and 6 as a sender sees them; the readers' own tests are beside them in proto. Numbers are those of its rules. */

import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import { otlpSchema } from "@nonet/proto/otlp-schema.ts";
import {
  anyRequest,
  disorder,
  encodeRequest,
  field,
  requestType,
  seededRandom,
} from "@nonet/proto/testdata/otlp-messages.ts";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { mediaTypes, post, postJson } from "./http-client.ts";
import { connectGrpc, frame, type GrpcConnection, rawHttp } from "./raw-clients.ts";
import {
  attributeField,
  noIdsRequest,
  referenceJson,
  referenceRequest,
  requestOf,
  requestOfSize,
  spanBytes,
} from "./requests.ts";
import { type PublishedSpan, startTestReceiver, type TestReceiver } from "./start-test-receiver.ts";

// Sockets and processes of other tests share this machine.
vi.setConfig({ testTimeout: 30_000 });

const seed = { seed: Number(process.env["NONET_TEST_SEED"] ?? 20261124) };
let test: TestReceiver;
let grpc: GrpcConnection;

beforeAll(async () => {
  test = await startTestReceiver({ requestBytesMax: 200_000 });
  grpc = await connectGrpc(test.grpcPort);
});
afterAll(async () => {
  await grpc[Symbol.asyncDispose]();
  await test[Symbol.asyncDispose]();
});
beforeEach(() => {
  test.published.length = 0;
});

function read(span: PublishedSpan | undefined) {
  if (span === undefined) throw new Error("nothing was published");
  return decodeSpan(
    span.bytes,
    decodeResource(span.resourceBytes, span.resourceSchemaUrl),
    decodeScope(span.scopeBytes, span.scopeSchemaUrl),
  );
}

describe("media types and methods", () => {
  it.each([
    "application/x-protobuf",
    "Application/X-Protobuf",
    "application/x-protobuf; charset=utf-8",
    "application/x-protobuf ;a=b",
  ])("29: %s is protobuf", async (contentType) => {
    const answer = await post(test, referenceRequest, { "content-type": contentType });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, mediaTypes.protobuf]);
  });

  it("29: application/json with a charset is JSON", async () => {
    const answer = await post(test, referenceJson, { "content-type": "APPLICATION/JSON;charset=utf-8" });
    expect([answer.status, answer.headers.get("content-type"), answer.text]).toEqual([200, mediaTypes.json, "{}"]);
  });

  it.each(["application/protobuf", "text/plain", "application/octet-stream", "application/jsonx", ""])(
    "30: content-type %j gives 415 in text",
    async (contentType) => {
      const answer = await post(test, referenceRequest, { "content-type": contentType });
      expect(answer.status).toBe(415);
      expect(answer.headers.get("content-type")).toMatch(/^text\/plain/);
      expect(answer.text).toMatch(/application\/x-protobuf.*application\/json/);
      expect(test.published).toHaveLength(0);
    },
  );

  it("30: a missing content-type gives 415", async () => {
    const answer = await rawHttp(
      test.httpPort,
      ["POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"],
      (received) => received.includes("\r\n\r\n"),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 415/);
  });

  it.each(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])("31: %s gives 405 with Allow", async (method) => {
    const json = await post(test, "{}", { "content-type": mediaTypes.json }, method);
    expect([json.status, json.headers.get("allow")]).toEqual([405, "POST"]);
    if (method !== "HEAD") expect(JSON.parse(json.text)).toMatchObject({ code: 12 });
    const plain = await post(test, "x", { "content-type": "text/plain" }, method);
    expect(plain.status).toBe(405);
    expect(plain.headers.get("content-type")).toMatch(/^text\/plain/);
  });
});

describe("32: too large", () => {
  it("is 413 and RESOURCE_EXHAUSTED without RetryInfo", async () => {
    const body = requestOfSize(200_001);
    const answer = await post(test, body);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([413, null]);
    expect(answer.body.includes("RetryInfo")).toBe(false);
    const result = await grpc.send(body);
    expect(result.status).toBe(8);
    expect(result.details.includes("RetryInfo")).toBe(false);
    expect(test.published).toHaveLength(0);
  });

  it("is refused by its length before the body comes", async () => {
    const head =
      "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000000000\r\n\r\n";
    expect(await rawHttp(test.httpPort, [head], (received) => received.includes("}"))).toMatch(/^HTTP\/1\.1 413/);
    const header = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
    expect(await grpc.call({ pieces: [header], end: false })).toMatchObject({ status: 8 });
  });

  it("is refused in chunks as soon as it is too much", async () => {
    const chunk = `${(100_000).toString(16)}\r\n${"a".repeat(100_000)}\r\n`;
    const head =
      "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(await rawHttp(test.httpPort, [head, chunk, chunk, chunk])).toMatch(/^HTTP\/1\.1 413/);
  });

  it("is what is larger than the limit, not what equals it", async () => {
    const size = requestOfSize(100_000).length - 100_000;
    const body = requestOfSize(200_000 - size);
    expect(body.length).toBe(200_000);
    expect((await post(test, body)).status).toBe(200);
    expect((await grpc.send(body)).status).toBe(0);
  });
});

describe("33: undecodable bodies", () => {
  it("are 400 and INVALID_ARGUMENT, say where, and publish nothing", async () => {
    const body = requestOf(spanBytes(1), spanBytes(2, field(9, field(1, "k"), field(2, Buffer.from([0x0a, 9, 1])))));
    const path = "resource_spans[0].scope_spans[0].spans[1].attributes[0].value.string_value";
    const answer = await post(test, body);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([400, mediaTypes.protobuf]);
    expect(answer.text).toContain(path);
    const result = await grpc.send(body);
    expect(result.status).toBe(3);
    expect(result.details.toString("latin1")).toContain("type.googleapis.com/google.rpc.BadRequest");
    expect(result.details.toString("latin1")).toContain(path);
    expect(test.published).toHaveLength(0);
  });

  it("in JSON name the field too (48)", async () => {
    const answer = await postJson(test, '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":1}]}]}]}');
    expect(JSON.parse(answer.text)).toEqual({
      code: 3,
      message: "cannot decode the request: expected a string in resourceSpans[0].scopeSpans[0].spans[0].name",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.BadRequest",
          fieldViolations: [
            { field: "resourceSpans[0].scopeSpans[0].spans[0].name", description: "expected a string" },
          ],
        },
      ],
    });
  });

  it("65: messages hold nothing of the payload", async () => {
    const answer = await postJson(test, '{"resourceSpans":[{"resource":"hunter2"}], "hunter2');
    expect([answer.status, answer.text.includes("hunter2")]).toEqual([400, false]);
  });
});

describe("34: requests without telemetry succeed and publish nothing", () => {
  it.each([
    ["no bytes", Buffer.alloc(0)],
    ["an empty envelope", field(1)],
    ["a resource alone", field(1, field(1, field(1, field(1, "k"))))],
    ["a scope alone", field(1, field(2, field(1, field(1, "s"))))],
  ])("%s", async (_, body) => {
    const answer = await post(test, body);
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
    expect(await grpc.send(body)).toMatchObject({ status: 0, body: frame(Buffer.alloc(0)) });
    expect(test.published).toHaveLength(0);
  });

  it("{}", async () => {
    expect((await postJson(test, "{}")).text).toBe("{}");
    expect((await postJson(test, '{"resourceLogs":[{}]}')).text).toBe("{}");
  });
});

describe("what is published", () => {
  it("35, 36: is the same whatever wire form a request has", async () => {
    const requests = fc.sample(anyRequest, { ...seed, numRuns: 40 });
    for (const [index, request] of requests.entries()) {
      const plain = encodeRequest(request);
      test.published.length = 0;
      const first = await post(test, plain);
      const expected = test.published.map(read);
      test.published.length = 0;
      const result = await grpc.send(disorder(plain, otlpSchema.exportRequest, seededRandom(index)));
      expect([first.status, result.status]).toEqual([200, 0]);
      expect(test.published.map(read)).toEqual(expected);
    }
  });

  it("51: is the same for protobuf and JSON", async () => {
    expect((await post(test, referenceRequest)).status).toBe(200);
    expect((await postJson(test, referenceJson)).status).toBe(200);
    expect(read(test.published[1])).toEqual(read(test.published[0]));
    expect(Buffer.from(test.published[1]?.bytes ?? [])).toEqual(Buffer.from(test.published[0]?.bytes ?? []));
  });

  it("37: keeps text that is not UTF-8, with U+FFFD", async () => {
    expect((await post(test, requestOf(spanBytes(1, field(5, Buffer.from([0x61, 0xff])))))).status).toBe(200);
    expect(read(test.published[0]).name).toBe("a\uFFFD");
    const json = Buffer.from(referenceJson.replace('"name":"a"', '"name":"a?"'));
    json[json.indexOf("a?") + 1] = 0xff;
    expect((await postJson(test, json)).status).toBe(200);
    expect(read(test.published[1]).name).toBe("a\uFFFD");
  });

  it("38: keeps the order of the request", async () => {
    await grpc.send(Buffer.concat([requestOf(spanBytes(3), spanBytes(1)), requestOf(spanBytes(2))]));
    expect(test.published.map((span) => Number.parseInt(span.spanId, 16))).toEqual([4, 2, 3]);
  });

  it("39: comes twice when it is sent twice", async () => {
    expect([(await post(test, referenceRequest)).status, (await post(test, referenceRequest)).status]).toEqual([
      200, 200,
    ]);
    expect(test.published).toHaveLength(2);
  });

  it("71, 74: keeps values of every kind exactly", async () => {
    const values = requestType.encode(
      requestType.fromObject({
        resource_spans: [
          {
            scope_spans: [
              {
                spans: [
                  {
                    trace_id: Buffer.alloc(16, 1),
                    span_id: Buffer.alloc(8, 1),
                    attributes: [
                      { key: "int", value: { int_value: "9223372036854775807" } },
                      { key: "nan", value: { double_value: Number.NaN } },
                      { key: "inf", value: { double_value: Number.NEGATIVE_INFINITY } },
                      { key: "bytes", value: { bytes_value: Buffer.from([0, 255]) } },
                      {
                        key: "list",
                        value: {
                          array_value: {
                            values: [
                              { bool_value: true },
                              { kvlist_value: { values: [{ key: "k", value: { string_value: "v" } }] } },
                            ],
                          },
                        },
                      },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      }),
    );
    expect((await grpc.send(values.finish())).status).toBe(0);
    expect(read(test.published[0]).attributes).toEqual(
      new Map<string, unknown>([
        ["int", 9223372036854775807n],
        ["nan", Number.NaN],
        ["inf", Number.NEGATIVE_INFINITY],
        ["bytes", Uint8Array.of(0, 255)],
        ["list", [true, new Map([["k", "v"]])]],
      ]),
    );
  });

  it("never holds the value of a secret (event-mapping.md 6.2, ruling 1)", async () => {
    const secrets = ["http.request.header.x-token", "db.password", "llm.headers", "API_KEY"];
    const span = spanBytes(
      1,
      ...secrets.map((key) => attributeField(9, key, "hunter2")),
      attributeField(9, "kept", "visible"),
    );
    const body = field(1, field(1, attributeField(1, "client_secret", "hunter2")), field(2, field(2, span)));
    expect((await grpc.send(body)).status).toBe(0);
    const published = test.published[0];
    expect(Buffer.from(published?.bytes ?? []).includes("hunter2")).toBe(false);
    expect(Buffer.from(published?.resourceBytes ?? []).includes("hunter2")).toBe(false);
    expect([...read(published).attributes]).toEqual([...secrets.map((key) => [key, "[masked]"]), ["kept", "visible"]]);
  });
});

describe("invalid spans cost only themselves", () => {
  const badTraceId = Buffer.concat([field(1, Buffer.alloc(16)), field(2, Buffer.alloc(8, 5))]);
  const log = Buffer.concat([Buffer.from([0x09, 1, 2, 3, 4, 5, 6, 7, 8]), field(5, field(1, "body"))]);

  it("54, 67, 75: partial success counts them by reason and names the first ids", async () => {
    const body = requestOf(spanBytes(1), badTraceId, log, spanBytes(2), log);
    const answer = await post(test, body);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(
      "3 of 5 spans rejected: 1 with an invalid trace id (16 bytes, not all zero); " +
        "2 without trace id and span id (log records sent to the trace path look like this). first span ids: 0505050505050505",
    );
    const result = await grpc.send(body);
    expect(result.status).toBe(0);
    expect(result.body.subarray(5)).toEqual(answer.body);
    expect(answer.body.includes(Buffer.from([0x08, 3, 0x12]))).toBe(true);
    expect(test.published).toHaveLength(4);
  });

  it("56: also when they are all of them", async () => {
    const answer = await postJson(test, '{"resourceSpans":[{"scopeSpans":[{"spans":[{},{"traceId":"00"}]}]}]}');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ partialSuccess: { rejectedSpans: "2" } });
    expect((await grpc.send(noIdsRequest)).status).toBe(0);
    expect(test.published).toHaveLength(0);
  });

  it("55, 68, 69, 72: warnings come with 0 rejected and a message", async () => {
    const parent = field(4, Buffer.alloc(3, 1));
    const link = field(13, field(1, Buffer.alloc(2, 1)));
    const index = field(9, field(1, "k"), field(2, Buffer.from([0x40, 1])));
    const answer = await post(test, requestOf(spanBytes(1, parent, link, index)));
    const message =
      "warning: 1 invalid parent span ids dropped. warning: 1 links with invalid ids dropped. warning: 1 profile-only index values emptied";
    expect(answer.body).toEqual(field(1, field(2, message)));
    const json = await postJson(test, referenceJson.replace('"name":"a"', '"parentSpanId":"xyz"'));
    expect(JSON.parse(json.text)).toEqual({
      partialSuccess: { errorMessage: "warning: 1 invalid parent span ids dropped" },
    });
    expect(read(test.published[0])).toMatchObject({ parentSpanId: undefined, links: [] });
  });

  it("57: the message is at most 8 KiB", async () => {
    test.logBehaviour = async (_, request) => ({
      refused: request.groups.flatMap((group) =>
        group.spans.map((span) => ({ spanId: span.spanId, reason: `too large: ${"é".repeat(800)} ${span.spanId}` })),
      ),
    });
    const body = requestOf(...Array.from({ length: 50 }, (_, index) => spanBytes(index)));
    const answer = await post(test, body);
    test.logBehaviour = undefined;
    expect(answer.status).toBe(200);
    const message = answer.body.subarray(answer.body.indexOf("50 of 50 spans rejected"));
    expect(message.length).toBeLessThanOrEqual(8_192);
    expect(message.length).toBeGreaterThan(8_000);
    expect(message.toString()).not.toContain("\uFFFD");
  });

  it("63, 76: spans the log can never take are rejected, the others accepted", async () => {
    test.logBehaviour = async () => ({ refused: [{ spanId: "0000000000000002", reason: "too large for the log" }] });
    const answer = await postJson(test, referenceJson);
    test.logBehaviour = undefined;
    expect(JSON.parse(answer.text)).toEqual({
      partialSuccess: {
        rejectedSpans: "1",
        errorMessage: "1 of 1 spans rejected: 1 too large for the log. first span ids: 0000000000000002",
      },
    });
  });
});
