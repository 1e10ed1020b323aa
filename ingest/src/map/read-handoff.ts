/** Event mapping 2.10: spans that are handoffs, and tools that hand over. */

import type { Json } from "@nonet/proto/json.ts";
import { isRecord } from "./json-shape.ts";
import { toCompactJson } from "./json-text.ts";
import { keyList } from "./key-list.ts";
import type { ToolHandoff } from "./mapped-span.ts";
import { isPresent } from "./present-value.ts";
import { norm } from "./read-agent.ts";
import type { SpanFacts } from "./span-facts.ts";

export interface HandoffReading {
  readonly fromAgent: string | undefined;
  readonly toAgent: string | undefined;
}

const fromKeys = keyList(["gen_ai.handoff.from_agent", "gen_ai.agent.source", "from_agent"]);
const toKeys = keyList(["gen_ai.handoff.to_agent", "to_agent"]);

export function readHandoff(facts: SpanFacts, ruleId: string): HandoffReading {
  const { reader, name } = facts;
  reader.field = "fromAgent";
  let fromAgent = reader.firstName(fromKeys);
  if (fromAgent === undefined && ruleId === "HANDOFF-3") fromAgent = reader.name("input.value");
  reader.field = "toAgent";
  let toAgent = reader.firstName(toKeys);
  if (toAgent === undefined && ruleId === "HANDOFF-2") toAgent = reader.name("gen_ai.agent.name");
  if (toAgent === undefined && ruleId === "HANDOFF-3")
    toAgent = reader.name("output.value") ?? reader.toName(name.slice(11));
  if (toAgent !== undefined && fromAgent !== undefined) return { fromAgent, toAgent };
  const named = readName(name);
  return {
    fromAgent: fromAgent ?? reader.toName(named.from),
    toAgent: toAgent ?? reader.toName(named.to),
  };
}

const namePrefixes = ["handoff to ", "handoff ", "invoke_agent ", "transfer to "] as const;

/** `A → B`, `A -> B.handoff`, `handoff to B`. */
function readName(name: string): { from?: string; to?: string } {
  for (const arrow of ["→", "->"] as const) {
    const at = name.indexOf(arrow);
    if (at < 0) continue;
    const rest = name.slice(at + arrow.length).trim();
    const from = stripHandoffPrefix(name.slice(0, at).trim());
    return { from, to: rest.endsWith(".handoff") ? rest.slice(0, -".handoff".length) : rest };
  }
  for (const prefix of namePrefixes) {
    if (name.slice(0, prefix.length).toLowerCase() === prefix) return { to: name.slice(prefix.length) };
  }
  return {};
}

function stripHandoffPrefix(text: string): string {
  return text.toLowerCase().startsWith("handoff: ") ? text.slice("handoff: ".length) : text;
}

interface TransferTool {
  readonly mechanism: ToolHandoff["mechanism"];
  readonly targets: readonly string[];
  readonly messages: readonly string[];
  /** Where the arguments do not name the target. */
  readonly target?: string;
}

const toAgentTool: TransferTool = {
  mechanism: "transfer",
  targets: ["agent_name", "agentName", "agent", "to_agent", "name"],
  messages: ["message", "reason"],
};
const coworkerTool: TransferTool = {
  mechanism: "delegation",
  targets: ["coworker", "co_worker"],
  messages: ["task", "question"],
};
const memberTool: TransferTool = {
  mechanism: "delegation",
  targets: ["member_id", "member"],
  messages: ["task", "task_description"],
};
const subagentTool: TransferTool = {
  mechanism: "delegation",
  targets: ["subagent_type"],
  messages: ["description", "prompt"],
};

/** By `norm` of the tool's name. */
const handoffTools: ReadonlyMap<string, TransferTool> = new Map<string, TransferTool>([
  ["transfer_to_agent", toAgentTool],
  ["handoff_to_agent", toAgentTool],
  [
    "handoff",
    { mechanism: "transfer", targets: ["to_agent", "agent_name", "agent", "target"], messages: ["reason", "message"] },
  ],
  ["delegate_work_to_coworker", coworkerTool],
  ["delegate_work_to_co_worker", coworkerTool],
  ["ask_question_to_coworker", coworkerTool],
  ["ask_question_to_co_worker", coworkerTool],
  ["delegate_task_to_member", memberTool],
  ["delegate_task_to_members", { ...memberTool, target: "*" }],
  ["transfer_task_to_member", memberTool],
]);

const namedTargetPrefixes = ["transfer_back_to_", "transfer_to_", "handoff_to_"] as const;

/** Every name below has one of these in it; nearly every tool ends here. */
const handoffWord = /hand|transfer|delegate|ask|agent/iu;

/**
 * What a call of this tool hands over, if anything.
 *
 * @param args of the call; without captured content the target of some tools stays unknown.
 */
export function readToolHandoff(toolName: string, args: Json | undefined): ToolHandoff | undefined {
  if (!handoffWord.test(toolName)) return undefined;
  // Semantic Kernel puts its plugin before the name: `Handoff-transfer_to_billing` (corpus).
  const name = norm(toolName.startsWith("Handoff-") ? toolName.slice("Handoff-".length) : toolName).replace(
    /^_|_$/g,
    "",
  );
  const known = handoffTools.get(name);
  if (known !== undefined) {
    const target = known.target ?? firstWord(args, known.targets);
    // `handoff` alone is too common a word to be one without a target.
    if (target === undefined && name === "handoff") return undefined;
    return { target, mechanism: known.mechanism, message: firstMessage(args, known.messages) };
  }
  for (const prefix of namedTargetPrefixes) {
    if (name.startsWith(prefix) && name.length > prefix.length) {
      return {
        target: name.slice(prefix.length),
        mechanism: "transfer",
        message: firstMessage(args, ["message", "reason", "task_description"]),
      };
    }
  }
  const subagent = firstWord(args, ["subagent_type"]);
  if (subagent === undefined || (name !== "task" && name !== "agent")) return undefined;
  return { target: subagent, mechanism: "delegation", message: firstMessage(args, subagentTool.messages) };
}

/** Mastra offers its agents to others as tools `agent-billingAgent` (corpus). */
export function readMastraHandoff(toolName: string, args: Json | undefined): ToolHandoff | undefined {
  if (!toolName.startsWith("agent-") || toolName.length === "agent-".length) return undefined;
  const target = toolName.slice("agent-".length).replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  return { target: norm(target), mechanism: "delegation", message: firstMessage(args, ["prompt", "message", "task"]) };
}

/** A Claude Code tool that starts a subagent, whatever it is called. */
export function readClaudeHandoff(args: Json | undefined): ToolHandoff | undefined {
  const subagent = firstWord(args, subagentTool.targets);
  return subagent === undefined
    ? undefined
    : { target: subagent, mechanism: "delegation", message: firstMessage(args, subagentTool.messages) };
}

function firstWord(args: Json | undefined, keys: readonly string[]): string | undefined {
  if (!isRecord(args)) return undefined;
  for (const key of keys) {
    const value = args[key];
    if (typeof value === "string" && isPresent(value)) return value.trim().slice(0, 256);
  }
  return undefined;
}

function firstMessage(args: Json | undefined, keys: readonly string[]): string | undefined {
  if (!isRecord(args)) return undefined;
  for (const key of keys) {
    const value = args[key];
    if (!isPresent(value)) continue;
    return typeof value === "string" ? value : toCompactJson(value ?? null);
  }
  return undefined;
}
