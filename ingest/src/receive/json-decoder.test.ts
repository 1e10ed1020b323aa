import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";
import { afterEach, expect, test } from "vitest";
import { createJsonDecoder } from "./json-decoder.ts";

const decoder = createJsonDecoder();
afterEach(() => decoder.close());

function requestOf(spanCount: number): Buffer {
  const span = {
    traceId: "5b8efff798038103d269b633813fc60c",
    spanId: "eee19b7ec3c1b174",
    name: "a",
    attributes: Array.from({ length: 8 }, (_, index) => ({ key: `k${index}`, value: { intValue: "7" } })),
  };
  return Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: Array(spanCount).fill(span) }] }] }));
}

test("a large body comes out as a small one does", async () => {
  const body = requestOf(4_000);
  expect(body.length).toBeGreaterThan(1_000_000);
  const expected = exportRequestFromJson(body);
  const decoded = await decoder.decode(body);
  expect(expected.outcome).toBe("encoded");
  if (decoded.outcome !== "encoded" || expected.outcome !== "encoded") throw new Error("not encoded");
  expect(Buffer.from(decoded.bytes).equals(Buffer.from(expected.bytes))).toBe(true);
});

test("what is wrong with a large body is said as of a small one", async () => {
  const text = requestOf(4_000).toString();
  expect(await decoder.decode(Buffer.from(text.slice(0, -10)))).toEqual(exportRequestFromJson(text.slice(0, -10)));
  const wrong = text.replace('"intValue":"7"', '"intValue":"seven"');
  expect(await decoder.decode(Buffer.from(wrong))).toEqual(exportRequestFromJson(wrong));
});

test("the event loop goes on while large bodies are decoded, which come out in order", async () => {
  await decoder.decode(requestOf(4_000));
  const bodies = [24_000, 12_000].map(requestOf);
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 5);
  const startedMs = performance.now();
  const results = await Promise.all(bodies.map((body) => decoder.decode(body)));
  const tookMs = performance.now() - startedMs;
  clearInterval(counting);
  expect(results.map(({ outcome }) => outcome)).toEqual(["encoded", "encoded"]);
  // On one thread there would be no turn at all before the results. Half of the possible ones: the machine is shared.
  expect(turns).toBeGreaterThan(tookMs / 5 / 5);
});
