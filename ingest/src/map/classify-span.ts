import type { SpanClass } from "@nonet/proto/event.ts";
import { codingAgentRules } from "./dialects/coding-agents.ts";
import { disguiseRules, routingRules } from "./dialects/disguises.ts";
import {
  adkRules,
  agentFrameworkRules,
  haystackRules,
  livekitRules,
  logfireRules,
  mastraRules,
  pydanticAiRules,
} from "./dialects/frameworks.ts";
import {
  agentopsRules,
  laminarRules,
  langfuseRules,
  langsmithRules,
  mlflowRules,
} from "./dialects/observability-sdks.ts";
import { openInferenceRules } from "./dialects/openinference.ts";
import { fallbackRules, operationRules } from "./dialects/otel-genai.ts";
import type { SpanRule } from "./dialects/span-rule.ts";
import { traceloopRules } from "./dialects/traceloop.ts";
import { vercelRules } from "./dialects/vercel-ai.ts";
import { family, type SpanFacts } from "./span-facts.ts";

export interface Classification {
  readonly ruleId: string;
  readonly class: SpanClass;
}

/**
 * Event mapping 3.2: tried in order, first match wins, so disguises come before kinds, kinds before frameworks (whose old versions have no
 * operation names) and those before operation names.
 */
const ruleGroups: readonly RuleGroup[] = [
  { rules: disguiseRules, applies: always },
  { rules: routingRules, applies: mayRoute },
  { rules: langfuseRules, applies: ({ lf }) => lf !== undefined },
  { rules: openInferenceRules, applies: ({ oi }) => oi !== undefined },
  { rules: langsmithRules, applies: ({ ls }) => ls !== undefined },
  { rules: mlflowRules, applies: ({ mlflowType }) => mlflowType !== undefined },
  { rules: agentopsRules, applies: ({ agentopsKind }) => agentopsKind !== undefined },
  { rules: laminarRules, applies: ({ laminarType }) => laminarType !== undefined },
  { rules: vercelRules, applies: ({ vercelId }) => vercelId !== undefined },
  { rules: codingAgentRules, applies: mayBeCodingAgent },
  { rules: haystackRules, applies: ({ name }) => name.startsWith("haystack.") },
  { rules: mastraRules, applies: ({ ms }) => ms !== undefined },
  { rules: logfireRules, applies: ({ families }) => (families & (family.logfire | family.other)) !== 0 },
  { rules: pydanticAiRules, applies: ({ scope }) => scope === "pydantic-ai" },
  { rules: adkRules, applies: ({ op }) => op === undefined || op === "call_llm" },
  { rules: livekitRules, applies: ({ scope }) => scope === "livekit-agents" },
  { rules: traceloopRules, applies: ({ families }) => (families & (family.traceloop | family.llm)) !== 0 },
  { rules: agentFrameworkRules, applies: ({ op }) => op === undefined },
  { rules: operationRules, applies: always },
];

/** Rules of one dialect; a span that cannot meet any of them is not shown to them. */
interface RuleGroup {
  readonly rules: readonly SpanRule[];
  readonly applies: (facts: SpanFacts) => boolean;
}

function always(): boolean {
  return true;
}

const routingFamilies =
  family.other |
  family.mastra |
  family.haystack |
  family.openinference |
  family.traceloop |
  family.langsmith |
  family.langfuse;

function mayRoute({ op, families }: SpanFacts): boolean {
  return op === "goto" || (families & routingFamilies) !== 0;
}

function mayBeCodingAgent({ name, families }: SpanFacts): boolean {
  return name.startsWith("claude_code.") || name.startsWith("session_task.") || (families & family.codex) !== 0;
}

/** The whole table, in order. */
export const spanRules: readonly SpanRule[] = ruleGroups.flatMap((group) => group.rules);

export const plain: Classification = { ruleId: "PLAIN", class: "plain" };

/** @param current is told the rule that is being tried, so that a rule that throws can be named. */
export function classifySpan(facts: SpanFacts, current: { ruleId: string }): Classification {
  let weak: SpanRule | undefined;
  for (const { rules, applies } of ruleGroups) {
    if (!applies(facts)) continue;
    for (const rule of rules) {
      current.ruleId = rule.id;
      if (!rule.matches(facts)) continue;
      if (!rule.weak) return toClassification(rule);
      weak ??= rule;
    }
  }
  if (weak !== undefined) return toClassification(weak);
  for (const rule of fallbackRules) {
    current.ruleId = rule.id;
    if (rule.matches(facts)) return toClassification(rule);
  }
  return plain;
}

function toClassification(rule: SpanRule): Classification {
  return { ruleId: rule.id, class: rule.class };
}
