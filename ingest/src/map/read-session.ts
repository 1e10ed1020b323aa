/** Event mapping 2.4: a span's own session and user ids. What is inherited from ancestors, traces and resources is Stage B's. */

import type { Json } from "@nonet/proto/json.ts";
import { isCodex } from "./dialects/coding-agents.ts";
import { isRecord } from "./json-shape.ts";
import { type KeyList, keyList } from "./key-list.ts";
import { family, type SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

const sessionKeys = [
  "session_id",
  "sessionId",
  "session.id",
  "thread_id",
  "threadId",
  "conversation_id",
  "conversationId",
] as const;
const userKeys = ["user_id", "userId", "user.id"] as const;

/** Step 4: where SDKs put what the application associates with a run. */
const associationPrefixes: readonly (readonly [bits: number, prefix: string])[] = [
  [family.traceloop, "traceloop.association.properties."],
  [family.laminar, "lmnr.association.properties."],
  [family.langsmith, "langsmith.metadata."],
  [family.vercel, "ai.telemetry.metadata."],
  [family.vercel, "ai.settings.context."],
  // Mastra (corpus).
  [family.mastra, "mastra.metadata."],
];

function below(keys: readonly string[]): readonly (readonly [bits: number, keys: KeyList])[] {
  return associationPrefixes.map(([bits, prefix]) => [bits, keyList(keys.map((key) => prefix + key))] as const);
}
const associatedSessionKeys = below(sessionKeys);
const associatedUserKeys = below(userKeys);

const metadataKeys = ["metadata", "langfuse.observation.metadata", "langfuse.trace.metadata"] as const;

const firstSessionKeys = keyList(["session.id", "langfuse.session.id"]);
const conversationKeys = keyList(["gen_ai.conversation.id"]);
const adkSessionKeys = keyList(["gcp.vertex.agent.session_id"]);
const codexThreadKeys = keyList(["thread.id"]);
const lastSessionKeys = keyList([
  ...sessionKeys.map((key) => `metadata.${key}`),
  "mlflow.trace.session",
  "ag_ui.thread_id",
  "group_id",
  "session_id",
  "sessionId",
  "thread_id",
  "threadId",
  "conversation_id",
  "conversation.id",
  "gen_ai.session.id",
]);

const firstUserKeys = keyList(["user.id", "langfuse.user.id", "enduser.id", "gen_ai.user.id"]);
const lastUserKeys = keyList([
  ...userKeys.map((key) => `metadata.${key}`),
  "mlflow.trace.user",
  "llm.user",
  "userId",
  "user_id",
]);

export function readOwnSessionId(facts: SpanFacts): string | undefined {
  const { reader } = facts;
  reader.field = "sessionId";
  const direct = firstLongId(reader, firstSessionKeys);
  if (direct !== undefined) return direct;
  // There `gen_ai.conversation.id` is the id of a turn, and other `thread.id`s are threads of the operating system.
  if (isCodex(facts)) return facts.name.startsWith("session_task.") ? readCodexThread(reader) : undefined;
  if ((facts.families & (family.genAi | family.adk)) !== 0) {
    const conversation = readConversation(reader);
    if (conversation !== undefined) return conversation;
  }
  return readAssociated(facts, associatedSessionKeys, sessionKeys, lastSessionKeys);
}

/** Microsoft Agent Framework puts the id of the previous response there, another at each call (corpus). */
function readConversation(reader: SpanReader): string | undefined {
  const id = firstLongId(reader, conversationKeys);
  if (id !== undefined && !id.startsWith("resp_")) return id;
  return firstLongId(reader, adkSessionKeys);
}

function readCodexThread(reader: SpanReader): string | undefined {
  return typeof reader.attributes.get("thread.id") === "string" ? firstLongId(reader, codexThreadKeys) : undefined;
}

export function readOwnUserId(facts: SpanFacts): string | undefined {
  const { reader } = facts;
  reader.field = "userId";
  return firstLongId(reader, firstUserKeys) ?? readAssociated(facts, associatedUserKeys, userKeys, lastUserKeys);
}

/** Steps 4 to 6. */
function readAssociated(
  { reader, families }: SpanFacts,
  associated: readonly (readonly [bits: number, keys: KeyList])[],
  metadataMembers: readonly string[],
  last: KeyList,
): string | undefined {
  for (const [bits, keys] of associated) {
    if ((families & bits) === 0) continue;
    const id = firstLongId(reader, keys);
    if (id !== undefined) return id;
  }
  if ((families & (family.metadata | family.langfuse)) !== 0) {
    for (const key of metadataKeys) {
      if (!reader.attributes.has(key)) continue;
      const id = firstMemberId(reader, reader.json(key), metadataMembers);
      if (id !== undefined) return id;
    }
  }
  return firstLongId(reader, last);
}

function firstMemberId(reader: SpanReader, metadata: Json | undefined, members: readonly string[]): string | undefined {
  if (!isRecord(metadata)) return undefined;
  for (const member of members) {
    if (!Object.hasOwn(metadata, member)) continue;
    const id = reader.toLongId(metadata[member]);
    if (id !== undefined) return id;
  }
  return undefined;
}

function firstLongId(reader: SpanReader, keys: KeyList): string | undefined {
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    if (!reader.mayHave(keys, index) || !reader.attributes.has(key)) continue;
    const id = reader.toLongId(reader.value(key));
    if (id !== undefined) return id;
  }
  return undefined;
}

/** The resource's `session.id`, the last place but one before the trace id stands in. */
export function readResourceSessionId(reader: SpanReader): string | undefined {
  const value = reader.span.resource.attributes.get("session.id");
  return value === undefined ? undefined : reader.toLongId(value);
}
