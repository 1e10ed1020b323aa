/** Event mapping 3.3, "Routing sources" and approvals. */

import type { Json } from "@nonet/proto/json.ts";
import { isList, isRecord, member } from "./json-shape.ts";
import { keyList } from "./key-list.ts";
import { isPresent } from "./present-value.ts";
import { readLangGraphNode } from "./read-state.ts";
import type { SpanFacts } from "./span-facts.ts";

export interface RoutingReading {
  /** Undefined when the span does not say, empty when nothing was chosen. */
  readonly selected: readonly string[] | undefined;
  readonly source: string | undefined;
  readonly reason: string | undefined;
}

const targetKeys = keyList(["message.target_id", "message.destination_id"]);
const itemsMax = 128;

export function readRouting(facts: SpanFacts, ruleId: string): RoutingReading {
  const { reader, name } = facts;
  reader.field = "selected";
  switch (ruleId) {
    case "ROUTE-1": {
      const named =
        toTargets(reader.json("langgraph.command.goto_nodes")) ?? toTargets(reader.json("langgraph.command.goto_node"));
      const rest = name.startsWith("goto ") ? name.slice("goto ".length) : name;
      return { selected: named ?? [rest], source: reader.name("langgraph.command.source_node"), reason: undefined };
    }
    case "ROUTE-2":
      return {
        selected: toTargets(reader.json("mastra.workflow_conditional.selected_steps")),
        source: undefined,
        reason: undefined,
      };
    case "ROUTE-3": {
      const output = reader.json("haystack.component.output");
      return {
        selected: isRecord(output) ? Object.keys(output).slice(0, itemsMax) : undefined,
        source: undefined,
        reason: undefined,
      };
    }
    case "ROUTE-4": {
      const target = reader.firstName(targetKeys);
      const delivered = reader.boolean("edge_group.delivered");
      return {
        selected: delivered === false ? [] : target === undefined ? undefined : [target],
        source: reader.name("message.source_id"),
        reason: reader.text("edge_group.delivery_status"),
      };
    }
    case "ROUTE-5":
      return { selected: toTargets(reader.json("output.value")), source: undefined, reason: undefined };
    case "ROUTE-6":
      return { selected: toTargets(readBranchOutput(facts)), source: readLangGraphNode(facts), reason: undefined };
    default:
      return { selected: undefined, source: undefined, reason: undefined };
  }
}

/** What the function of a conditional edge returned, by the instrumentation that traced it. */
export function readBranchOutput({ reader, oi, tl, ls, lf }: SpanFacts): Json | undefined {
  if (oi !== undefined) return reader.json("output.value");
  if (tl !== undefined) return member(reader.json("traceloop.entity.output"), "outputs");
  if (ls !== undefined) return member(reader.json("gen_ai.completion"), "output");
  return lf === undefined ? undefined : reader.json("langfuse.observation.output");
}

function toTargets(value: Json | undefined): string[] | undefined {
  if (typeof value === "string") return isPresent(value) ? [value.slice(0, 256)] : undefined;
  if (!isList(value)) return isRecord(value) ? toTargets(targetOf(value)) : undefined;
  const targets: string[] = [];
  for (const item of value.slice(0, itemsMax)) {
    const target = typeof item === "string" ? item : targetOf(item);
    if (typeof target === "string" && isPresent(target)) targets.push(target.slice(0, 256));
  }
  return targets;
}

/** LangGraph's `Send` names its node. */
function targetOf(value: Json): Json | undefined {
  return member(value, "node") ?? member(value, "name") ?? member(value, "id");
}

/** Claude Code: the answer to a question for permission. */
export function readApproval({ reader }: SpanFacts): RoutingReading {
  reader.field = "selected";
  const decision = reader.text("decision");
  reader.field = "reason";
  return {
    selected: decision === undefined ? undefined : [decision.slice(0, 256)],
    source: undefined,
    reason: reader.text("source"),
  };
}

const commandKeys = [
  "output.value",
  "traceloop.entity.output",
  "mlflow.spanOutputs",
  "langfuse.observation.output",
  "gen_ai.completion",
] as const;

/**
 * A LangGraph node or tool whose output is a `Command` often tells only there where it goes (corpus).
 *
 * @returns targets in the order given, without `__end__`.
 */
export function readCommandTargets({ reader }: SpanFacts): readonly string[] {
  for (const key of commandKeys) {
    const raw = reader.attributes.get(key);
    // The word is rare; parsing every output for it is not worth its time.
    if (typeof raw !== "string" || !raw.includes("goto")) continue;
    reader.field = "commandTargets";
    const targets = findCommands(reader.json(key), 0);
    if (targets.length > 0) return targets.slice(0, itemsMax);
  }
  return [];
}

function findCommands(value: Json | undefined, depth: number): string[] {
  if (depth > 4) return [];
  if (isList(value)) return value.slice(0, 16).flatMap((item) => findCommands(item, depth + 1));
  if (!isRecord(value)) return [];
  const goto = value["goto"];
  if (goto !== undefined && ("update" in value || "graph" in value || value["lg_name"] === "Command")) {
    return (toTargets(goto) ?? []).filter((target) => target !== "__end__");
  }
  const inner = value["outputs"] ?? value["output"] ?? value["data"] ?? value["kwargs"];
  return inner === undefined ? [] : findCommands(inner, depth + 1);
}
