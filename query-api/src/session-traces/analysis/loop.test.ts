import { expect, it } from "vitest";
import { findLoops } from "./loop.ts";

const limits = { maxPeriod: 8, minRepetitions: 3 };

it.each([
  ["a b a b a b c", [{ start: 0, period: 2, repetitions: 3 }]],
  ["x a b a b a b a y", [{ start: 1, period: 2, repetitions: 3 }]],
  ["a b a b a b a b", [{ start: 0, period: 2, repetitions: 4 }]],
  ["a b c a b c a b", []],
  ["a a a a a a", []],
  ["a b c a b c a b c", [{ start: 0, period: 3, repetitions: 3 }]],
  ["h1 h2 h1 h2 h1 h2", []],
])("K38: %s", (labels, expected) => {
  expect(findLoops(labels.split(" "), (label) => label.startsWith("h"), limits)).toEqual(expected);
});
