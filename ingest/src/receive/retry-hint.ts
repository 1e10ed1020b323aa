/** When a refused sender should try again: longer while overload lasts, spread so that senders do not come back together (otlp-receiver.md 0.1). */
export interface RetryHint {
  /** Milliseconds for one refusal. */
  next(): number;
}

/** Refusals this far apart belong to one overload. */
const overloadGapMs = 2_000;
/** An overload of this length gets the longest hint. */
const overloadFullMs = 20_000;

export function createRetryHint(
  config: { readonly retryHintMs: number; readonly retryHintMsMax: number },
  deps: { now(): number; random(): number },
): RetryHint {
  let beganMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    next() {
      const nowMs = deps.now();
      if (nowMs - lastMs > overloadGapMs) beganMs = nowMs;
      lastMs = nowMs;
      const grown = Math.min(1, (nowMs - beganMs) / overloadFullMs) * (config.retryHintMsMax - config.retryHintMs);
      // Jitter only lengthens, up to half, and never beyond the maximum: a shorter hint would come back too early.
      const hint = (config.retryHintMs + grown) * (1 + deps.random() / 2);
      return Math.round(Math.min(config.retryHintMsMax, hint));
    },
  };
}
