/** Requests per token and window, and the headers that tell about them. Source: session-traces.md 2.8. */
import type { Response } from "express";
import { type RateLimiterAbstract, RateLimiterRes } from "rate-limiter-flexible";
import { type Problem, rateLimitExceeded } from "./problem.ts";

/**
 * Counts one request of a token and sets the headers.
 *
 * @param limiter  in memory for one process, in Redis for several (with a memory limiter as its insurance, so that a Redis that is away
 *                 makes limits local and never refuses anyone).
 * @returns the problem to answer with when the token is over its limit.
 */
export async function countRequest(
  limiter: RateLimiterAbstract,
  token: { readonly credentialId: string; readonly nowMs: number },
  response: Response,
): Promise<Problem | undefined> {
  const { state, refused } = await consume(limiter, token.credentialId);
  response.set("X-RateLimit-Limit", String(limiter.points));
  response.set("X-RateLimit-Remaining", String(Math.max(0, state.remainingPoints)));
  response.set("X-RateLimit-Reset", String(Math.ceil((token.nowMs + state.msBeforeNext) / 1000)));
  if (!refused) return undefined;
  const detail = `More than ${limiter.points} requests in ${limiter.duration} seconds.`;
  return rateLimitExceeded(Math.max(1, state.msBeforeNext), detail);
}

async function consume(
  limiter: RateLimiterAbstract,
  key: string,
): Promise<{ state: RateLimiterRes; refused: boolean }> {
  try {
    return { state: await limiter.consume(key), refused: false };
  } catch (caught) {
    // The library rejects with its result, not with an error, when the points are used up.
    if (caught instanceof RateLimiterRes) return { state: caught, refused: true };
    throw caught;
  }
}
