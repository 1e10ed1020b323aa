import fc from "fast-check";
import { expect, test } from "vitest";
import { hasLongDigitRun, parseJsonText, toCompactJson } from "./json-text.ts";
import { defaultLimits } from "./limits.ts";
import { expectLinearTime, linearTimeTimeoutMs } from "./testdata/linear-time.ts";

const parse = (text: string) => parseJsonText(text, defaultLimits);

test.each([
  ['{"a": 1}', { a: 1 }],
  [" \n[1]", [1]],
  ['"word"', "word"],
  ['"{\\"a\\": 1}"', { a: 1 }],
  ['"[broken"', "[broken"],
  ["42", "42"],
  ["true", "true"],
  ["{'a': True}", { a: true }],
  ['"quoted" prose', '"quoted" prose'],
])("2.1: %s", (text, value) => {
  expect(parse(text)).toMatchObject({ value, malformed: false });
});

test("2.1: what begins like JSON and is none is kept and flagged", () => {
  expect(parse('{"q": "unfinis')).toMatchObject({ value: '{"q": "unfinis', malformed: true });
  expect(parse("[see above]")).toMatchObject({ value: "[see above]", malformed: true });
});

test("6.2: integers beyond 2^53-1 stay decimal text, other numbers do not change", () => {
  expect(
    parse(
      '{"a": 12345678901234567890, "b": -9007199254740993, "c": 9007199254740991, "d": 1e20, "e": "12345678901234567890"}',
    ).value,
  ).toEqual({
    a: "12345678901234567890",
    b: "-9007199254740993",
    c: 9007199254740991,
    d: 1e20,
    e: "12345678901234567890",
  });
});

test("a run of 16 digits is found wherever it stands", () => {
  for (let before = 0; before < 40; before++) {
    expect(hasLongDigitRun(`${"x".repeat(before)}1234567890123456${"y".repeat(7)}`)).toBe(true);
    expect(hasLongDigitRun(`${"x".repeat(before)}123456789012345${"y".repeat(7)}`)).toBe(false);
  }
});

test("6.1: texts beyond the limits are not tried", () => {
  const limits = { ...defaultLimits, jsonTextCharsMax: 10, pythonTextCharsMax: 5 };
  expect(parseJsonText('{"a": 1234567}', limits)).toMatchObject({ malformed: true });
  expect(parseJsonText("{'a': 1}", limits)).toMatchObject({ malformed: true });
});

test("any nesting survives, both ways", { timeout: linearTimeTimeoutMs }, () => {
  const deep = `${"[".repeat(300_000)}${"]".repeat(300_000)}`;
  expect(toCompactJson(parse(deep).value)).toBe(deep);
  const objects = `${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`;
  expect(toCompactJson(parse(objects).value)).toBe(objects);
});

test("a value and its JSON text mean the same", { timeout: linearTimeTimeoutMs }, () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      const start = text[0];
      if ((start === "{" || start === "[") && !hasLongDigitRun(text))
        expect(parse(text).value).toEqual(JSON.parse(text));
    }),
  );
});

test("time is linear in the text", { timeout: linearTimeTimeoutMs }, () => {
  expectLinearTime(50_000, (size) => {
    const text = `[${'{"a": 1234567890123456789, "b": "x"}, '.repeat(size / 38)}1]`;
    return () => parse(text);
  });
  expectLinearTime(50_000, (size) => {
    const text = `{"a": "${"b".repeat(size)}`;
    return () => parse(text);
  });
});
