import fc from "fast-check";
import { expect, it } from "vitest";
import { createGlob } from "./glob.ts";

it.each([
  ["user.*", "user.email", true],
  ["user.*", "user", false],
  ["*", "", true],
  ["*.email", "user.email", true],
  ["a*a", "a", false],
  ["a*a", "aa", true],
  ["a*b*c", "a-b-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["a.c", "abc", false],
  ["**", "x", true],
])("%j and %j: %s", (pattern, text, expected) => {
  expect(createGlob([pattern])(text)).toBe(expected);
});

it("says what the regular expression of the same meaning says", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", "."), maxLength: 8 });
  fc.assert(
    fc.property(letters, letters, (pattern, text) => {
      const source = pattern.replaceAll(".", "\\.").replaceAll("*", "[^]*");
      expect(createGlob([pattern])(text)).toBe(new RegExp(`^${source}$`).test(text));
    }),
  );
});
