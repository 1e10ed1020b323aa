import { expect, test } from "vitest";
import { stateOf } from "./state.ts";

const partitions = [
  { partition: 0, lastOffset: 9n },
  { partition: 3, lastOffset: 0n },
];
const at = (stored: bigint, queryable: bigint) => ({ stored, queryable });

test.each([
  ["nobody has told of one partition", new Map([[0, at(10n, 10n)]]), "logged"],
  [
    "the last record of one is next",
    new Map([
      [0, at(9n, 9n)],
      [3, at(1n, 1n)],
    ]),
    "logged",
  ],
  [
    "all are stored, one is not projected",
    new Map([
      [0, at(10n, 9n)],
      [3, at(1n, 1n)],
    ]),
    "stored",
  ],
  [
    "all are passed",
    new Map([
      [0, at(10n, 10n)],
      [3, at(5n, 5n)],
    ]),
    "queryable",
  ],
])("%s: %s", (_, positions, state) => {
  expect(stateOf({ partitions }, positions)).toBe(state);
});

test("nothing accepted, nothing missing", () => {
  expect(stateOf({ partitions: [] }, new Map())).toBe("queryable");
});
