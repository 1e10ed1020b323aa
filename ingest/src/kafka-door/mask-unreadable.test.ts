import fc from "fast-check";
import { expect, test } from "vitest";
import { compileMaskingRules } from "../map/masking-rules.ts";
import { maskUnreadable } from "./mask-unreadable.ts";

const secret = "s3cr3t-that-must-not-stay";
const mask = (text: string) => maskUnreadable(Buffer.from(text)).toString("utf8");

test.each([
  [
    "attribute of JSON",
    `{"attributes":[{"key":"http.request.header.authorization","value":{"stringValue":"${secret}"}}],"x":1}`,
  ],
  ["its value before its key", `{"attributes":[{"value":{"stringValue":"${secret}"},"key":"api_key"}]}`],
  ["member of JSON", `{"a":[{"password":"${secret}"}]}`],
  ["JSON in a string of JSON", JSON.stringify({ input: JSON.stringify({ api_key: secret, city: "Oslo" }) })],
  ["attribute of JSON that is cut", `{"attributes":[{"key":"api_key","value":{"stringValue":"${secret}"}},{"key":"b"`],
  ["value that is cut", `{"attributes":[{"key":"api_key","value":{"stringValue":"${secret}`],
  ["member of JSON that is cut", `{"a":[{"password" : "${secret}"}, {"b`],
])("masks: %s", (_, text) => {
  expect(mask(text)).not.toContain(secret);
  expect(mask(text).length).toBeGreaterThan(20);
});

test("blanks the value behind a secret key in damaged protobuf, and nothing else", () => {
  const keyValue = (key: string, value: string) =>
    Buffer.concat([
      Buffer.from([0x0a, key.length]),
      Buffer.from(key),
      Buffer.from([0x12, value.length + 2, 0x0a, value.length]),
      Buffer.from(value),
    ]);
  const bytes = Buffer.concat([Buffer.from([0xff, 0x00]), keyValue("api_key", secret), keyValue("city", "Oslo")]);
  const result = maskUnreadable(bytes);
  expect(result).toHaveLength(bytes.length);
  expect(result.toString("latin1")).not.toContain(secret);
  expect(result.toString("latin1")).toContain("Oslo");
  const cut = maskUnreadable(bytes.subarray(0, 20));
  expect(cut.toString("latin1")).not.toContain(secret.slice(0, 5));
});

test("leaves bytes without secrets as they are, whatever they are", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(maskUnreadable(Buffer.from(bytes))).toEqual(Buffer.from(bytes));
    }),
  );
  expect(mask('{"big": 12345678901234567890, "a" : "b"}')).toBe('{"big": 12345678901234567890, "a" : "b"}');
  expect(mask("[".repeat(200_000))).toBe("[".repeat(200_000));
});

test("rules of the project hold for all of it, and lengths stay", () => {
  const rules = compileMaskingRules([
    { name: "ticket", pattern: "TICKET-\\d+", replacement: "[masked]" },
    { name: "mail", pattern: "\\w+@\\w+", replacement: "[masked]", attributes: ["user.email"] },
    { name: "name", attributes: ["user.name"], replacement: "[masked]" },
  ]);
  if ("problems" in rules) throw new Error(rules.problems.join());
  const damaged = Buffer.concat([
    Buffer.from([0xff, 0x00]),
    Buffer.from("about TICKET-123 of ann@shop"),
    Buffer.from([0xfe]),
  ]);
  const masked = maskUnreadable(damaged, rules);
  expect(masked).toHaveLength(damaged.length);
  expect(masked.toString("latin1")).toContain("about ********** of ********");
  const json = maskUnreadable(
    Buffer.from('{"key":"user.name","value":{"stringValue":"Änn"},"text":"TICKET-9"}'),
    rules,
  );
  expect(JSON.parse(json.toString("utf8"))).toMatchObject({ value: { stringValue: "[masked]" }, text: "********" });
});
