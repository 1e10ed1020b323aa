import type { SpanClass } from "@nonet/proto/event.ts";
import { codingAgentRules } from "./dialects/coding-agents.ts";
import { disguiseRules } from "./dialects/disguises.ts";
import { adkRules, agentFrameworkRules, haystackRules, livekitRules, logfireRules, mastraRules, pydanticAiRules } from "./dialects/frameworks.ts";
import { agentopsRules, laminarRules, langfuseRules, langsmithRules, mlflowRules } from "./dialects/observability-sdks.ts";
import { openInferenceRules } from "./dialects/openinference.ts";
import { fallbackRules, operationRules } from "./dialects/otel-genai.ts";
import type { SpanRule } from "./dialects/span-rule.ts";
import { traceloopRules } from "./dialects/traceloop.ts";
import { vercelRules } from "./dialects/vercel-ai.ts";
import type { SpanFacts } from "./span-facts.ts";

export interface Classification {
  readonly ruleId: string;
  readonly class: SpanClass;
}

/**
 * Event mapping 3.2: tried in order, first match wins, so disguises come before kinds, kinds before frameworks (whose old versions have no
 * operation names) and those before operation names.
 */
export const spanRules: readonly SpanRule[] = [
  ...disguiseRules,
  ...langfuseRules,
  ...openInferenceRules,
  ...langsmithRules,
  ...mlflowRules,
  ...agentopsRules,
  ...laminarRules,
  ...vercelRules,
  ...codingAgentRules,
  ...haystackRules,
  ...mastraRules,
  ...logfireRules,
  ...pydanticAiRules,
  ...adkRules,
  ...livekitRules,
  ...traceloopRules,
  ...agentFrameworkRules,
  ...operationRules,
];

const plain: Classification = { ruleId: "PLAIN", class: "plain" };

/** @param current is told the rule that is being tried, so that a rule that throws can be named. */
export function classifySpan(facts: SpanFacts, current: { ruleId: string }): Classification {
  let weak: SpanRule | undefined;
  for (const rule of spanRules) {
    current.ruleId = rule.id;
    if (!rule.matches(facts)) continue;
    if (!rule.weak) return toClassification(rule);
    weak ??= rule;
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
