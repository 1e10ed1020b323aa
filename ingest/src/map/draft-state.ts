/** Event mapping 3.3 STATE-LANGGRAPH and STATE-ADK: the state that a node or agent changed. */
import type { SpanClass } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { type SpanTimes, toDraft } from "./event-draft.ts";
import type { EventDraft } from "./mapped-span.ts";
import { readAdkStateDelta, readLangGraphUpdate } from "./read-state.ts";
import type { SpanFacts } from "./span-facts.ts";

export function addStateChanges(drafts: EventDraft[], facts: SpanFacts, spanClass: SpanClass, times: SpanTimes): void {
  const time = times.end ?? times.start;
  for (const [key, value] of readLangGraphUpdate(facts, spanClass))
    drafts.push(stateDraft("STATE-LANGGRAPH", "workflow", time, key, value));
  for (const [key, value] of readAdkStateDelta(facts, spanClass))
    drafts.push(stateDraft("STATE-ADK", "session", time, key, value));
}

function stateDraft(ruleId: string, scope: "workflow" | "session", time: string, key: string, value: Json): EventDraft {
  return toDraft<"state_change">({
    eventType: "state_change",
    discriminator: `key:${key}`,
    phase: "end",
    ruleId,
    name: key,
    timeUnixNano: time,
    stateKey: key,
    operation: "set",
    scope,
    after: value,
  });
}
