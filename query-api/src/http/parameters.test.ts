import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { amountText, booleanText, integerText, list, parseQuery, parseTime, single, timeText } from "./parameters.ts";

const parameters = {
  kind: list(z.enum(["a", "b"]), { description: "", noun: "a kind", itemsMax: 3 }),
  limit: single(integerText(1, 10), { description: "" }),
  from: single(timeText, { description: "" }),
  open: single(booleanText, { description: "" }),
  least: single(amountText, { description: "" }),
};

describe("parameters", () => {
  it("are typed values", () => {
    expect(
      parseQuery(parameters, "kind=a,b&kind=a&limit=7&open=true&least=0.5&from=1970-01-01T00:00:00.000000001Z"),
    ).toEqual({
      ok: true,
      values: { kind: ["a", "b", "a"], limit: 7, open: true, least: 0.5, from: 1n },
    });
  });

  it("are reported together when they are bad", () => {
    const result = parseQuery(parameters, "kind=c&limit=11&limit=2&from=soon&open=TRUE&least=-1&toString=1");
    expect(result.ok).toBe(false);
    const codes = result.ok ? {} : Object.fromEntries(result.errors.map((error) => [error.parameter, error.code]));
    expect(codes).toEqual({
      kind: "UNKNOWN_VALUE",
      limit: "REPEATED",
      from: "MALFORMED",
      open: "UNKNOWN_VALUE",
      least: "MALFORMED",
      toString: "UNKNOWN_PARAMETER",
    });
  });

  it.each(["limit=0", "limit=11", "kind=a,a,a,a"])("%s is out of range", (query) => {
    const result = parseQuery(parameters, query);
    expect(result).toMatchObject({ ok: false, errors: [{ code: "OUT_OF_RANGE" }] });
  });

  it.each(["limit=", "limit=1e1", "limit=+1", "limit=%201", "kind=", "kind=a,,b", "least=.5", "least=1e3"])(
    "%s is malformed",
    (query) => {
      expect(parseQuery(parameters, query)).toMatchObject({ ok: false, errors: [{ code: "MALFORMED" }] });
    },
  );

  it("survive any query", () => {
    fc.assert(
      fc.property(fc.string(), (query) => {
        expect(typeof parseQuery(parameters, query).ok).toBe("boolean");
      }),
    );
  });
});

describe("times", () => {
  it.each([
    ["2026-05-04T09:00:00Z", 1_777_885_200_000_000_000n],
    ["2026-05-04T11:00:00+02:00", 1_777_885_200_000_000_000n],
    ["2026-05-04T11:00:00 02:00", 1_777_885_200_000_000_000n],
    ["2026-05-04T09:00:00.123456789Z", 1_777_885_200_123_456_789n],
    ["1969-12-31T23:00:00Z", 0n],
  ])("%s", (text, nano) => {
    expect(parseTime(text)).toBe(nano);
  });

  it.each([
    "2026-05-04",
    "2026-05-04T09:00:00",
    "2026-02-30T00:00:00Z",
    "2026-05-04T24:00:00Z",
    "2026-05-04T09:00:00.1234567890Z",
    "2026-05-04T09:00:00+99:00",
    "now",
  ])("%s is none", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });
});
