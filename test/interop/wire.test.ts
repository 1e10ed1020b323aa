import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { contentOf, grpcMessageOf, readGrpcStreams, readHttp1 } from "./wire.ts";

test("HTTP/1.1 messages with a length, in chunks and without a body follow one another", () => {
  const bytes = Buffer.from(
    "POST /v1/traces HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" +
      "POST /v1/traces HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\n\r\n" +
      "HTTP/1.1 204 No Content\r\n\r\n" +
      "POST /v1/traces HTTP/1.1\r\nContent-Length: 9\r\n\r\ncut",
  );
  expect(readHttp1(bytes).map(({ startLine, body }) => [startLine.split(" ")[0], body.toString()])).toEqual([
    ["POST", "abc"],
    ["POST", "def"],
    ["HTTP/1.1", ""],
  ]);
});

test("a compressed body is decompressed by its header", () => {
  const body = gzipSync("hello");
  const head = `POST / HTTP/1.1\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`;
  const [message] = readHttp1(Buffer.concat([Buffer.from(head), body]));
  expect(message && contentOf(message).toString()).toBe("hello");
});

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

test("a gRPC message is put together from the data frames of its stream, padding left out", () => {
  const message = gzipSync("spans");
  const framed = Buffer.concat([Buffer.from([1, 0, 0, 0, message.length]), message]);
  const padded = Buffer.concat([Buffer.from([2]), framed.subarray(0, 4), Buffer.alloc(2)]);
  const bytes = Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(4, 0, 0, Buffer.alloc(0)),
    frame(1, 4, 1, Buffer.from("headers")),
    frame(0, 8, 1, padded),
    frame(1, 4, 3, Buffer.from("headers")),
    frame(0, 1, 1, framed.subarray(4)),
    frame(3, 0, 3, Buffer.alloc(4)),
  ]);
  const streams = readGrpcStreams(bytes);
  expect(streams.map(({ streamId, ended, reset }) => ({ streamId, ended, reset }))).toEqual([
    { streamId: 1, ended: true, reset: false },
    { streamId: 3, ended: false, reset: true },
  ]);
  expect(streams.map((stream) => grpcMessageOf(stream)?.toString())).toEqual(["spans", undefined]);
});
