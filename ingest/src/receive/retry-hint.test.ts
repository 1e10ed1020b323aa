import { expect, it } from "vitest";
import { createRetryHint } from "./retry-hint.ts";

it("rises from 1 s to at most 5 s while overload lasts, and begins again after it (0.1)", () => {
  let now = 0;
  const hint = createRetryHint({ retryHintMs: 1_000, retryHintMsMax: 5_000 }, { now: () => now, random: () => 0 });
  expect(hint.next()).toBe(1_000);
  for (; now < 10_000; now += 1_000) hint.next();
  expect(hint.next()).toBe(3_000);
  for (; now < 60_000; now += 1_000) hint.next();
  expect(hint.next()).toBe(5_000);
  now += 10_000;
  expect(hint.next()).toBe(1_000);
});

it("spreads senders, within the maximum", () => {
  const late = createRetryHint({ retryHintMs: 1_000, retryHintMsMax: 5_000 }, { now: () => 0, random: () => 0.999 });
  expect(late.next()).toBe(1_500);
  const capped = createRetryHint({ retryHintMs: 4_000, retryHintMsMax: 5_000 }, { now: () => 0, random: () => 0.999 });
  expect(capped.next()).toBe(5_000);
});
