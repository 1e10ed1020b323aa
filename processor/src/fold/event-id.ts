/** Deterministic event ids. Source: event-mapping.md 1.3. */
import { hash } from "node:crypto";
import type { EventType } from "@nonet/proto/event.ts";

/** @param discriminator  tells events of one type on one span apart; empty where there is one. */
export function eventIdOf(
  tenantId: string,
  span: { readonly traceId: string; readonly spanId: string },
  eventType: EventType,
  discriminator: string,
): string {
  const digest = hash("sha256", `${tenantId}\n${span.traceId}\n${span.spanId}\n${eventType}\n${discriminator}`);
  return `ev_${digest.slice(0, 32)}`;
}
