import { expect, it } from "vitest";
import { createRateLimit } from "./rate-limit.ts";

it("lets a tenant send its spans a second, and tells when it may again", () => {
  let now = 0;
  const limit = createRateLimit(100, () => now);
  expect(limit.waitMs("a")).toBeUndefined();
  limit.pay("a", 100);
  expect(limit.waitMs("a")).toBe(10);
  expect(limit.waitMs("b")).toBeUndefined();
  now = 10;
  expect(limit.waitMs("a")).toBeUndefined();
});

it("lets one large request through and then makes up for it", () => {
  let now = 0;
  const limit = createRateLimit(100, () => now);
  limit.pay("a", 1_100);
  expect(limit.waitMs("a")).toBe(10_010);
  now = 10_010;
  expect(limit.waitMs("a")).toBeUndefined();
});

it("is off at 0", () => {
  const limit = createRateLimit(0, () => 0);
  limit.pay("a", 1_000_000);
  expect(limit.waitMs("a")).toBeUndefined();
});

it("remembers a bounded number of tenants", () => {
  const limit = createRateLimit(1, () => 0);
  limit.pay("first", 5);
  for (let tenant = 0; tenant < 10_000; tenant++) limit.pay(`t${tenant}`, 5);
  expect(limit.waitMs("first")).toBeUndefined();
  expect(limit.waitMs("t9999")).toBeGreaterThan(0);
});
