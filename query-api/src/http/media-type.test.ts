import { expect, it } from "vitest";
import { accepts } from "./media-type.ts";

it.each([
  [undefined, true],
  ["", true],
  ["*/*", true],
  ["application/json", true],
  ["APPLICATION/JSON; charset=utf-8", true],
  ["text/html, application/*;q=0.1", true],
  ["text/html", false],
  ["application/json;q=0, */*", false],
  ["*/*;q=0", false],
])("Accept %s takes JSON: %s", (header, expected) => {
  expect(accepts(header, "application/json")).toBe(expected);
});
