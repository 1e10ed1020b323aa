import fc from "fast-check";
import { expect, test } from "vitest";
import {
  cleanName,
  cleanText,
  cutBytes,
  cutChars,
  cutMiddle,
  isSecretAttribute,
  isSecretKey,
  isUncleanJsonText,
  isUncleanText,
} from "./sanitise.ts";

test("6.2: characters", () => {
  expect(cleanText("a\u0000b\u0007c\td\r\ne\rf\u007fg\ud800h")).toBe("abc\td\nefg\ufffdh");
  expect(cleanName("  tool\u0000 ", 256)).toBe("tool");
});

test("6.2: an unclean text inside JSON text is never missed", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      if (isUncleanText(text)) expect(isUncleanJsonText(JSON.stringify([text]))).toBe(true);
    }),
  );
});

test.each([
  ["llm.headers", true],
  ["ai.request.headers.authorization", true],
  ["ai.request.headers.user-agent", true],
  ["langsmith.request.headers", true],
  ["http.request.header.x-trace", true],
  ["http.response.header.set-cookie", true],
  ["gen_ai.request.extra_headers", true],
  ["db.password", true],
  ["metadata.API_KEY", true],
  ["x-api-key", true],
  ["client_secret", true],
  ["AUTHORIZATION", true],
  ["app.access-token", true],
  ["gen_ai.usage.input_tokens", false],
  ["secretary", false],
  ["token", false],
  ["http.request.method", false],
  ["monkey", false],
])("6.2: the attribute %s is a secret: %s", (key, secret) => {
  expect(isSecretAttribute(key)).toBe(secret);
});

test("6.2: secret keys of arguments, whatever precedes them", () => {
  expect(isSecretKey(`${"x".repeat(10_000)}.password`)).toBe(true);
  expect(isSecretKey("password_hint")).toBe(false);
});

test("6.1: texts are cut at character borders", { timeout: 60_000 }, () => {
  expect(cutChars("ab😀", 3)).toBe("ab");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 80 }), fc.integer({ min: 4, max: 60 }), (text, bytesMax) => {
      const cut = cutBytes(text, bytesMax);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytesMax);
      expect(text.startsWith(cut)).toBe(true);
    }),
  );
});

test("6.1: stacks lose their middle", () => {
  const cut = cutMiddle(`first${"é".repeat(50_000)}last`, 32_768);
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(32_768);
  expect([cut.startsWith("first"), cut.endsWith("last"), cut.includes("[...]")]).toEqual([true, true, true]);
});
