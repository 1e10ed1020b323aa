import { describe, expect, it } from "vitest";
import { classifyError, errorFingerprint, normalizeMessage } from "./error-fingerprint.ts";

describe("session-traces.md 8.3, K36", () => {
  it.each([
    [
      "Refund service timed out after 2000 ms (request req_8f3a2b19)",
      "refund service timed out after <num> ms (request <id>)",
    ],
    [
      "HTTP 503 from https://pay.example.test/v2/refunds/981?x=1 at 2026-05-04T09:01:03.020Z",
      "http <num> from <url> at <time>",
    ],
    [
      "Connection to 10.0.3.17:5432 refused; trace 4bf92f3577b34da6a3ce929d0e0e4736",
      "connection to <ip> refused; trace <hex>",
    ],
    ["order 550e8400-e29b-41d4-a716-446655440000 missing for bob@example.com", "order <uuid> missing for <email>"],
    ["could not open /var/lib/app/data.db: errno 13", "could not open <path>: errno <num>"],
    ["field 'amount' must be > 0, got -12.50", "field <str> must be > <num>, got <num>"],
    ["it's broken and can't recover", "it's broken and can't recover"],
  ])("normalizes %s", (message, normalized) => {
    expect(normalizeMessage(message)).toBe(normalized);
  });

  it("gives the fingerprint of the example", () => {
    const normalized = normalizeMessage("Refund service timed out after 2000 ms (request req_8f3a2b19)");
    expect(errorFingerprint("TimeoutError", "tool_call:refund_order", normalized)).toBe("85d4a0ab1d4039fb");
  });

  it("puts messages that differ in ids together and two tools with one message apart", () => {
    const first = normalizeMessage("request req_8f3a2b19 failed");
    const second = normalizeMessage("request req_11aa22bb failed");
    expect(errorFingerprint("E", "tool_call:a", first)).toBe(errorFingerprint("E", "tool_call:a", second));
    expect(errorFingerprint("E", "tool_call:a", first)).not.toBe(errorFingerprint("E", "tool_call:b", first));
  });

  it("keeps whole code points and survives hostile lengths", () => {
    expect(normalizeMessage("😀".repeat(1000))).toBe("😀".repeat(200));
    expect(normalizeMessage(undefined)).toBe("");
    expect(normalizeMessage(`${"a.".repeat(300_000)}@`)).toHaveLength(200);
  });
});

describe("classifyError", () => {
  it.each([
    ["429", undefined, undefined, "rate_limit"],
    ["TimeoutError", "gone", undefined, "timeout"],
    ["error", "boom", 504, "timeout"],
    ["error", "Invalid API key", undefined, "auth"],
    ["error", "maximum context length exceeded: too many tokens", undefined, "context_length"],
    ["error", "blocked for safety", undefined, "content_filter"],
    ["JSONDecodeError", "could not parse", undefined, "validation"],
    ["ECONNREFUSED", "", undefined, "network"],
    ["AbortError", "", undefined, "cancelled"],
    ["error", "", 502, "server"],
    ["ValueError", "odd", undefined, "unknown"],
  ])("%s %s %s is %s", (errorType, message, status, expected) => {
    expect(classifyError(errorType, message, status)).toBe(expected);
  });
});
