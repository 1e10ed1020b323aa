/** Event mapping 2.5: a span's own agent name and id. */

import type { SpanClass } from "@nonet/proto/event.ts";
import { isClaudeCode } from "./dialects/coding-agents.ts";
import { keyList } from "./key-list.ts";
import { family, type SpanFacts } from "./span-facts.ts";

const agentNameKeys = keyList(["gen_ai.agent.name", "agent.name", "agent_name"]);
const agentIdKeys = keyList(["gen_ai.agent.id", "agno.agent.id", "agno.team.id", "agent.id", "agent_id"]);
const modelKeys = keyList([
  "gen_ai.request.model",
  "gen_ai.response.model",
  "llm.model_name",
  "ai.model.id",
  "llm.request.model",
]);
const runIdKeys = keyList([
  "gen_ai.agent.call.id",
  "gcp.vertex.agent.invocation_id",
  "turn.id",
  "agno.run.id",
  "agent_trace_id",
  "kickoff_id",
  "run.id",
]);

const graphNameKeys = keyList(["graph.node.name", "ai.telemetry.functionId"]);

const namePrefixes = ["invoke_agent ", "agent."] as const;
const nameSuffixes = [".run_stream", ".on_messages_stream", ".arun", ".run", ".agent"] as const;
const namesOfNoAgent: ReadonlySet<string> = new Set(["agent run", "agent_turn", "haystack.agent.run", "invoke_agent"]);

export function readOwnAgentName(facts: SpanFacts, spanClass: SpanClass): string | undefined {
  if (spanClass === "handoff" || spanClass === "guardrail") return undefined;
  const { reader } = facts;
  reader.field = "agentName";
  const named = reader.firstName(agentNameKeys);
  if (named !== undefined || spanClass !== "agent") return named;
  return readNameOfAgentSpan(facts);
}

function readNameOfAgentSpan(facts: SpanFacts): string | undefined {
  const { reader, name, families } = facts;
  if (facts.template.startsWith("Agent run: ")) {
    const logfireName = reader.name("name");
    if (logfireName !== undefined) return logfireName;
  }
  const graphName = reader.firstName(graphNameKeys);
  if (graphName !== undefined) return graphName;
  // Elsewhere the node id is random.
  if (facts.scope.startsWith("openinference.instrumentation.crewai")) {
    const nodeId = reader.name("graph.node.id");
    if (nodeId !== undefined) return nodeId;
  }
  if (isClaudeCode(facts)) return "claude-code";
  if (name.startsWith("session_task.")) return "codex";
  if ((families & family.traceloop) !== 0 && facts.tl !== undefined) {
    const entity = reader.name("traceloop.entity.name");
    if (entity !== undefined) return entity;
  }
  const entity = (families & family.agentops) === 0 ? undefined : reader.name("agentops.entity.name");
  return entity ?? readSpanName(facts);
}

function readSpanName({ reader, name }: SpanFacts): string | undefined {
  if (name.startsWith("agent_run [") && name.endsWith("]")) return reader.toName(name.slice(11, -1));
  if (name.startsWith("ai.") || namesOfNoAgent.has(name)) return undefined;
  let rest = name.trim();
  for (const prefix of namePrefixes) {
    if (rest.startsWith(prefix)) {
      rest = rest.slice(prefix.length);
      break;
    }
  }
  for (const suffix of nameSuffixes) {
    if (rest.endsWith(suffix) && rest.length > suffix.length) {
      rest = rest.slice(0, -suffix.length);
      break;
    }
  }
  rest = rest.trim();
  if (namesOfNoAgent.has(rest) || rest === reader.firstName(modelKeys)) return undefined;
  return reader.toName(rest);
}

export function readOwnAgentId({ reader }: SpanFacts): string | undefined {
  reader.field = "agentId";
  return reader.firstName(agentIdKeys);
}

/** Section 4. `turn.id` of Codex is its turn number, which is what it calls a run. */
export function readRunId({ reader }: SpanFacts): string | undefined {
  reader.field = "runId";
  return reader.firstName(runIdKeys);
}

const workflowNameKeys = keyList([
  "gen_ai.workflow.name",
  "traceloop.workflow.name",
  "traceloop.entity.name",
  "agentops.entity.name",
  "name",
]);

/** Section 4, for the `name` of a response without any agent. */
export function readWorkflowName({ reader }: SpanFacts): string | undefined {
  reader.field = "name";
  return reader.firstName(workflowNameKeys);
}

/** 2.5: names are the same agent when equal after lower-casing and turning every run of other characters than `a-z0-9` into `_`. */
export function norm(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "_");
}
