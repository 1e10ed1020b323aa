/** Event mapping 2.11 and 3.3: changes of memory, session and workflow state. */

import type { SpanClass, StateChangeEvent } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { stateOperations } from "./dialects/span-rule.ts";
import { isRecord, type JsonRecord, member } from "./json-shape.ts";
import { keyList } from "./key-list.ts";
import { family, type SpanFacts } from "./span-facts.ts";

export interface StateReading {
  readonly stateKey: string;
  readonly operation: StateChangeEvent["operation"];
  readonly scope: StateChangeEvent["scope"];
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

const keyKeys = keyList([
  "state.key",
  "gen_ai.memory.record.id",
  "gen_ai.memory.id",
  "gen_ai.memory.store.name",
  "gen_ai.memory.store.id",
  "gen_ai.memory.namespace",
]);
const beforeKeys = keyList(["state.before", "state.old_value"]);
const afterKeys = keyList([
  "state.after",
  "state.new_value",
  "state.value",
  "gen_ai.memory.records",
  "gen_ai.memory.content",
]);

const operations: ReadonlySet<string> = new Set(["set", "create", "update", "upsert", "delete"]);
const scopes: ReadonlySet<string> = new Set(["memory", "session", "workflow"]);

export function readState({ reader, name, op }: SpanFacts): StateReading {
  reader.field = "stateKey";
  const stateKey = reader.firstName(keyKeys) ?? reader.toName(name) ?? "state";
  reader.field = "operation";
  const memoryOperation = op === undefined ? undefined : stateOperations.get(op);
  const stated = reader.word("state.operation");
  const scope = reader.word("state.scope");
  reader.field = "before";
  const before = reader.firstJson(beforeKeys);
  reader.field = "after";
  const after = reader.firstJson(afterKeys);
  return {
    stateKey,
    operation:
      memoryOperation ??
      (stated !== undefined && operations.has(stated) ? (stated as StateReading["operation"]) : "set"),
    scope:
      memoryOperation !== undefined
        ? "memory"
        : scope !== undefined && scopes.has(scope)
          ? (scope as StateReading["scope"])
          : "session",
    before,
    after,
  };
}

const noNodeOutput: ReadonlySet<string> = new Set(["lc", "role", "content", "type"]);

/**
 * STATE-LANGGRAPH: the output of a node is its update of the graph's state.
 *
 * @returns the state keys with their values, in key order.
 */
export function readLangGraphUpdate(
  facts: SpanFacts,
  spanClass: SpanClass,
): readonly (readonly [key: string, value: Json])[] {
  if (spanClass !== "chain" && spanClass !== "agent" && spanClass !== "step") return [];
  const { reader, name, families } = facts;
  if ((families & (family.openinference | family.traceloop | family.langfuse | family.mlflow | family.langsmith)) === 0)
    return [];
  reader.field = "stateKey";
  const node = readLangGraphNode(facts);
  if (node === undefined || node !== (reader.name("gen_ai.task.name") ?? name)) return [];
  let output = reader.json("output.value") ?? reader.json("traceloop.entity.output");
  if (
    isRecord(output) &&
    "outputs" in output &&
    Object.keys(output).every((key) => key === "outputs" || key === "kwargs")
  ) {
    output = output["outputs"];
  }
  if (!isRecord(output)) return [];
  for (const key of Object.keys(output)) if (noNodeOutput.has(key)) return [];
  const keys = Object.keys(output)
    .filter((key) => key !== "messages" && !key.startsWith("__"))
    .sort();
  if (keys.length > reader.limits.stateKeysMax) {
    reader.exceeded("stateKeysMax");
    keys.length = reader.limits.stateKeysMax;
  }
  return keys.map((key) => [key, (output as JsonRecord)[key] ?? null] as const);
}

const nodeAttributeKeys = keyList([
  "metadata.langgraph_node",
  "traceloop.association.properties.langgraph_node",
  "langsmith.metadata.langgraph_node",
  "langfuse.observation.metadata.langgraph_node",
]);

/** The node of the graph that a span runs, from its metadata. */
export function readLangGraphNode({ reader, families }: SpanFacts): string | undefined {
  if ((families & (family.metadata | family.langfuse)) !== 0) {
    for (const key of ["metadata", "langfuse.observation.metadata"] as const) {
      if (!reader.attributes.has(key)) continue;
      const node = reader.toName(member(reader.json(key), "langgraph_node"));
      if (node !== undefined) return node;
    }
  }
  return reader.firstName(nodeAttributeKeys);
}

/** STATE-ADK: what an agent changed in the session. */
export function readAdkStateDelta(
  { reader, scope }: SpanFacts,
  spanClass: SpanClass,
): readonly (readonly [key: string, value: Json])[] {
  if (spanClass !== "agent" || !scope.startsWith("openinference.instrumentation.google_adk")) return [];
  reader.field = "stateKey";
  const delta = member(member(reader.json("output.value"), "actions"), "state_delta");
  if (!isRecord(delta)) return [];
  return Object.keys(delta)
    .sort()
    .slice(0, reader.limits.stateKeysMax)
    .map((key) => [key, delta[key] ?? null] as const);
}
