/** What a session is doing, as far as its spans and the clock tell. Source: session-traces.md section 3. */

export const sessionStatuses = ["active", "idle", "completed", "failed", "abandoned", "escalated", "archived"] as const;
export type SessionStatus = (typeof sessionStatuses)[number];

export const activeNano = 60_000_000_000n;
export const idleNano = 1_800_000_000_000n;

export interface StatusFacts {
  /** The last status that a span states, when it is one of the seven. */
  readonly stated: string | null;
  readonly lastHandoffEscalates: boolean;
  readonly lastTurnStatus: "ok" | "error" | "running" | null;
  readonly lastTurnAnswered: boolean;
  readonly lastActivityUnixNano: bigint;
}

/** First match wins. */
export function sessionStatusOf(facts: StatusFacts, nowMs: number): SessionStatus {
  const stated = sessionStatuses.find((status) => status === facts.stated);
  if (stated !== undefined) return stated;
  if (facts.lastHandoffEscalates) return "escalated";
  const quietNano = BigInt(Math.trunc(nowMs)) * 1_000_000n - facts.lastActivityUnixNano;
  if (quietNano < activeNano) return "active";
  if (facts.lastTurnStatus === "error") return "failed";
  if (quietNano < idleNano) return "idle";
  return facts.lastTurnAnswered ? "completed" : "abandoned";
}
