/**
 * Real exports of real frameworks against what truly happened: one test per capture of `test/corpus/`.
 *
 * Each names every difference in the words of `expected.json`. A capture that fails is a fault of the mapping (or a wrong expectation, to be
 * proved from the attributes); expectations are never relaxed to what the mapper gives.
 */
import { describe, expect, test } from "vitest";
import { compareCapture } from "./corpus/compare-capture.ts";
import { readExpected } from "./corpus/expected-capture.ts";
import { mapCapture, mapSpans } from "./corpus/map-capture.ts";
import { listCaptures, readCapture } from "./corpus/read-capture.ts";

describe("captures of real frameworks", () => {
  test.each(listCaptures())("%s", (name) => {
    expect(compareCapture(mapCapture(name), readExpected(name))).toEqual([]);
  });

  test.each(listCaptures())("%s: order and repetition of its spans change nothing", (name) => {
    const spans = readCapture(name);
    const events = mapSpans(spans);
    expect(mapSpans([...spans.toReversed(), ...spans])).toEqual(events);
    expect(new Set(events.map((event) => event.eventId)).size).toBe(events.length);
  });

  test("every capture has spans, and a reason for each thing that it cannot tell", () => {
    for (const name of listCaptures()) {
      expect(readCapture(name).length, name).toBeGreaterThan(0);
      for (const { field, why } of readExpected(name).unrecoverable) {
        expect(`${name} ${field}: ${why}`.length, name).toBeGreaterThan(name.length + field.length + 12);
      }
    }
  });
});
