import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePythonLiteral } from "./python-literal.ts";
import { expectLinearTime, linearTimeTimeoutMs } from "./testdata/linear-time.ts";

test.each([
  ["{'a': 1, 'b': [True, False, None]}", { a: 1, b: [true, false, null] }],
  ["('x', 2)", ["x", 2]],
  ["(1,)", [1]],
  ["(1)", 1],
  ["()", []],
  ["[1, 2,]", [1, 2]],
  ["{1: 'one', (1, 2): 'pair', None: 0}", { "1": "one", "(1, 2)": "pair", None: 0 }],
  ["'it\\'s \\u00e9 \\x41 \\n'", "it's é A \n"],
  ["\"double 'quotes'\"", "double 'quotes'"],
  ["-1.5e3", -1500],
  ["12345678901234567890", "12345678901234567890"],
  ["{'__proto__': 1, 'constructor': 2}", JSON.parse('{"__proto__": 1, "constructor": 2}')],
])("2.1: %s", (text, value) => {
  expect(JSON.stringify(parsePythonLiteral(text))).toBe(JSON.stringify(value));
});

test.each([
  "{1, 2}",
  "b'bytes'",
  "foo(1)",
  "[1 2]",
  "{'a' 1}",
  "nan",
  "Trueish",
  "[1",
  "'open",
  "1 2",
  "{'a': }",
  "",
  "[,]",
  "'\\U00110000'",
])("2.1: %s is no literal", (text) => {
  expect(parsePythonLiteral(text)).toBeUndefined();
});

test("deep nesting fails instead of overflowing", () => {
  expect(parsePythonLiteral("[".repeat(100_000))).toBeUndefined();
  expect(parsePythonLiteral(`${"[".repeat(150)}${"]".repeat(150)}`)).toBeDefined();
});

test("any text is answered", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."[](){}'\":,\\xuTNF01-. ae\n") }),
      (text) => void parsePythonLiteral(text),
    ),
  );
});

test("time is linear in the text", { timeout: linearTimeTimeoutMs }, () => {
  expectLinearTime(20_000, (size) => {
    const list = `[${"'ab\\'c', (1, 2), {'k': None}, ".repeat(size / 30)}]`;
    return () => parsePythonLiteral(list);
  });
  expectLinearTime(20_000, (size) => {
    const text = `'${"\\x41".repeat(size / 4)}'`;
    return () => parsePythonLiteral(text);
  });
});
