import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { contentEncodingOf, encodeBody } from "./content-encoding.ts";

it.each([
  [undefined, "identity"],
  ["", "identity"],
  ["identity", "identity"],
  ["gzip", "gzip"],
  ["x-unknown, deflate", "identity"],
  ["gzip, deflate, br", "br"],
  ["GZIP;q=1.0, br;q=0.5", "gzip"],
  ["br;q=0, *", "gzip"],
  ["*", "br"],
  ["*;q=0", "identity"],
  ["identity;q=0, gzip;q=0", "identity"],
  ["identity, gzip;q=0.5", "identity"],
  ["identity;q=0.5, gzip;q=0.5", "gzip"],
  ["gzip;q=nonsense", "gzip"],
])("Accept-Encoding %s gives %s", (header, expected) => {
  expect(contentEncodingOf(header)).toBe(expected);
});

it("encodes what decodes to the same", async () => {
  const body = Buffer.from("an event, ".repeat(10_000));
  expect(brotliDecompressSync(await encodeBody(body, "br"))).toEqual(body);
  expect(gunzipSync(await encodeBody(body, "gzip"))).toEqual(body);
  expect((await encodeBody(body, "br")).length).toBeLessThan(1000);
});
