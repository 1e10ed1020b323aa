import { expect, test } from "vitest";
import { isPresent, toAmount, toBoolean, toNumber, unquote } from "./present-value.ts";

test.each([
  ["", false],
  ["   ", false],
  ["None", false],
  [" null ", false],
  ["<REDACTED>", false],
  ["[redacted]", false],
  ["<not serializable>", false],
  ["N/A", false],
  ["undefined", false],
  ["{}", true],
  ["0", true],
  ["nonesuch", true],
  [`${" ".repeat(5_000)}none`, false],
  [`${" ".repeat(5_000)}some`, true],
])("2.1: the text %j counts as present: %s", (text, present) => {
  expect(isPresent(text)).toBe(present);
});

test("2.1: empty lists and objects are absent, false and zero are values", () => {
  expect([null, undefined, [], {}, new Map(), new Uint8Array()].map((value) => isPresent(value))).toEqual(
    Array(6).fill(false),
  );
  expect([false, 0, 0n, [null], { a: null }, new Map([["a", null]])].map((value) => isPresent(value))).toEqual(
    Array(6).fill(true),
  );
});

test.each([
  ["12", 12],
  [" 0.5 ", 0.5],
  ['"7"', 7],
  ["-3", -3],
  ["many", undefined],
  ["", undefined],
  ["0x10", undefined],
  ["Infinity", undefined],
  [Number.NaN, undefined],
  [true, undefined],
])("2.1: %j is the number %s", (value, number) => {
  expect(toNumber(value)).toBe(number);
});

test("2.1: 64-bit integers are numbers", () => {
  expect(toNumber(4n)).toBe(4);
});

test("2.1: negative amounts are absent", () => {
  expect([toAmount(-1), toAmount("-0.1"), toAmount(0)]).toEqual([undefined, undefined, 0]);
});

test("2.1: booleans in any case", () => {
  expect([toBoolean("TRUE"), toBoolean("False"), toBoolean(true), toBoolean("yes"), toBoolean(1)]).toEqual([
    true,
    false,
    true,
    undefined,
    undefined,
  ]);
});

test("2.1: words in double quotes are unquoted", () => {
  expect([unquote('"AGENT"'), unquote('a"b'), unquote('"'), unquote('"a\\"b"')]).toEqual(["AGENT", 'a"b', '"', 'a"b']);
});
