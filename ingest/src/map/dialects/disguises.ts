/**
 * Event mapping 3.2: spans to drop, and handoffs, guardrails and routing that come under the kind of something else. They stand before the
 * explicit kinds because OpenLIT, OpenInference and OpenLLMetry label them agent, tool or chain.
 */
import { readBranchOutput } from "../read-routing.ts";
import { readLangGraphNode } from "../read-state.ts";
import { family, type SpanFacts } from "../span-facts.ts";
import {
  embeddingOperations,
  guardrailOperations,
  handoffOperations,
  llmOperations,
  rule,
  type SpanRule,
  toolOperations,
} from "./span-rule.ts";

export const disguiseRules: readonly SpanRule[] = [
  // Logfire sends a placeholder at start under its own span id.
  rule("DROP-1", "drop", ({ template, reader, families }) => {
    return (
      (template !== "" || (families & family.logfire) !== 0) && reader.word("logfire.span_type") === "pending_span"
    );
  }),
  // ADK debugging copy of parallel tool calls.
  rule("DROP-2", "inert", ({ name, reader, families }) => {
    if (isMergedTools(name)) return true;
    return (families & family.genAi) !== 0 && isMergedTools(reader.text("gen_ai.tool.name") ?? "");
  }),
  // OpenLIT lists the tools of an MCP server under a tool name.
  rule("DROP-3", "step", ({ reader, families }) => {
    return (
      (families & family.genAi) !== 0 &&
      reader.attributes.get("gen_ai.tool.name") === "mcp_list_tools" &&
      reader.has("gen_ai.mcp.server")
    );
  }),

  rule("HANDOFF-1", "handoff", (facts) => {
    const { reader, op, tl, families } = facts;
    if (op !== undefined && handoffOperations.has(op)) return true;
    if (tl === "handoff") return true;
    if (
      (families & family.genAi) !== 0 &&
      (reader.has("gen_ai.handoff.from_agent") || reader.has("gen_ai.handoff.to_agent"))
    )
      return true;
    return (families & family.other) !== 0 && reader.word("sentry.op") === "gen_ai.handoff";
  }),
  rule("HANDOFF-2", "handoff", ({ op, reader }) => op === "invoke_agent" && reader.has("gen_ai.agent.source")),
  rule("HANDOFF-3", "handoff", ({ oi, name, reader }) => {
    return oi === "tool" && name.slice(0, 11).toLowerCase() === "handoff to " && !reader.has("tool.name");
  }),
  rule("HANDOFF-4", "handoff", ({ template, reader }) => {
    return template.startsWith("Handoff") && (reader.attributes.has("from_agent") || reader.attributes.has("to_agent"));
  }),

  rule("GUARD-1", "guardrail", (facts) => {
    const { op, families, reader } = facts;
    if (op !== undefined && guardrailOperations.has(op)) return true;
    if ((families & family.guardrail) === 0) return false;
    if (op !== undefined && (llmOperations.has(op) || embeddingOperations.has(op) || toolOperations.has(op)))
      return false;
    return !(op === "invoke_agent" && reader.has("gen_ai.agent.id"));
  }),
  rule(
    "GUARD-2",
    "guardrail",
    ({ template, reader }) => template.startsWith("Guardrail") && reader.attributes.has("triggered"),
  ),
  rule(
    "GUARD-3",
    "guardrail",
    ({ families, reader }) => (families & family.other) !== 0 && reader.has("validator_name"),
  ),
];

/** Spans that only chose where to go on. */
export const routingRules: readonly SpanRule[] = [
  rule("ROUTE-1", "routing", ({ op, families, reader }) => {
    if (op === "goto") return true;
    return (
      (families & family.other) !== 0 &&
      (reader.has("langgraph.command.goto_node") || reader.has("langgraph.command.goto_nodes"))
    );
  }),
  rule("ROUTE-2", "routing", ({ ms }) => ms === "workflow_conditional"),
  rule("ROUTE-3", "routing", ({ families, reader }) => {
    return (families & family.haystack) !== 0 && (reader.text("haystack.component.type") ?? "").endsWith("Router");
  }),
  rule("ROUTE-4", "routing", ({ families, reader }) => {
    if ((families & family.other) === 0) return false;
    const type = reader.text("edge_group.type");
    if (type === undefined) return false;
    return (
      type.endsWith("SwitchCaseEdgeGroup") ||
      (reader.text("edge_group.delivery_status") ?? "").startsWith("dropped condition")
    );
  }),
  rule(
    "ROUTE-5",
    "routing",
    ({ families, reader }) => (families & family.other) !== 0 && reader.word("flow.node.type") === "router",
  ),
  rule("ROUTE-6", "routing", isRoutingFunction),
];

/** Newer versions say `(merged)` only (corpus). */
function isMergedTools(name: string): boolean {
  return name.endsWith("(merged tools)") || name === "execute_tool (merged)" || name === "(merged)";
}

const routingName =
  /^(should_\w+|route_\w+|decide_\w+|branch_\w+|tools_condition|router|route|branch|decide|\w+_(router|route|condition|decision))$/i;
const routingTarget = /^[A-Za-z0-9_.: -]{1,80}$/;

/** ROUTE-6: LangGraph traces the function of a conditional edge as a chain whose output is the chosen node. */
function isRoutingFunction(facts: SpanFacts): boolean {
  const name = branchName(facts);
  if (name === undefined || name.length > 128 || !routingName.test(name)) return false;
  const output = readBranchOutput(facts);
  if (typeof output === "string") return routingTarget.test(output);
  return Array.isArray(output) && output.length > 0 && output.every((target) => typeof target === "string");
}

/** Name of the span as far as it may be such a function; under others than OpenInference only beside a node of a graph (corpus). */
function branchName(facts: SpanFacts): string | undefined {
  const { oi, tl, ls, lf, scope, name, reader } = facts;
  if (oi !== undefined) return oi === "chain" && isLangChainScope(scope) ? name : undefined;
  const branch =
    tl === "task"
      ? reader.name("traceloop.entity.name")
      : ls === "chain" || lf === "chain" || lf === "span"
        ? name
        : "";
  if (branch === undefined || !routingName.test(branch)) return undefined;
  const node = readLangGraphNode(facts);
  return node === undefined || node === branch ? undefined : branch;
}

function isLangChainScope(scope: string): boolean {
  // The JavaScript package has another scope: @arizeai/openinference-instrumentation-langchain.
  return (
    scope.startsWith("openinference.instrumentation.langchain") ||
    scope.startsWith("@arizeai/openinference-instrumentation-langchain")
  );
}
