/** Event mapping 2.11: guardrails, evaluations, hooks. */

import type { GuardrailEvalEvent } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { isRecord, type JsonRecord } from "./json-shape.ts";
import { keyList } from "./key-list.ts";
import { isPresent, toBoolean, toNumber } from "./present-value.ts";
import type { SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

export type Verdict = GuardrailEvalEvent["result"];
export type GuardrailAction = NonNullable<GuardrailEvalEvent["action"]>;

export interface GuardrailReading {
  readonly guardrailName: string;
  readonly evalKind: GuardrailEvalEvent["evalKind"];
  readonly result: Verdict;
  readonly action: GuardrailAction | undefined;
  readonly score: number | undefined;
  readonly label: string | undefined;
  readonly reason: string | undefined;
  readonly target: string | undefined;
}

/** Where an attribute of a guardrail is read from: the span, or one of its span events. */
export interface AttributeSource {
  value(key: string): unknown;
  text(key: string): string | undefined;
}

const nameKeys = keyList([
  "gen_ai.guardrail.name",
  "gen_ai.guardrail.component.name",
  "guard.name",
  "gen_ai.security.policy.name",
  "validator_name",
]);
const namePrefixes = ["invoke_agent ", "guardrail_check ", "guardrail ", "apply_guardrail ", "run_guardrail "] as const;
const verdictWordKeys = [
  "gen_ai.guardrail.result.value",
  "gen_ai.guardrail.status",
  "gen_ai.guardrail.result",
  "guard.verdict",
  "gen_ai.guardrail.verdict.type",
  "gen_ai.security.decision.type",
  "guard.action",
  "gen_ai.guardrail.action.type",
  "gen_ai.guardrail.action",
] as const;
const outputKeys = keyList([
  "langfuse.observation.output",
  "output.value",
  "mlflow.spanOutputs",
  "lmnr.span.output",
  "agentops.entity.output",
  "traceloop.entity.output",
  "gen_ai.guardrail.output",
]);
const hookNameKeys = keyList(["hook_name", "hook_event"]);
const entityNameKeys = keyList(["traceloop.entity.name", "agentops.entity.name"]);
const scoreKeys = [
  "gen_ai.guardrail.risk.score",
  "gen_ai.security.risk.score",
  "guard.score",
  "gen_ai.guardrail.score",
] as const;
const labelKeys = ["gen_ai.guardrail.risk.category", "guard.classification", "gen_ai.security.risk.category"] as const;
const reasonKeys = [
  "gen_ai.guardrail.verdict.reason",
  "gen_ai.guardrail.result.reason",
  "guard.explanation",
  "gen_ai.guardrail.error.message",
  "gen_ai.security.decision.reason",
] as const;
const targetKeys = ["gen_ai.guardrail.target.type", "guard.phase", "gen_ai.security.target.type"] as const;

const verdicts: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ...[
    "pass",
    "passed",
    "allow",
    "allowed",
    "ok",
    "success",
    "none",
    "no_match",
    "not_triggered",
    "safe",
    "accept",
    "compliant",
    "false",
  ].map((word) => [word, "pass"] as const),
  ...[
    "fail",
    "failed",
    "block",
    "blocked",
    "deny",
    "denied",
    "guardrail_intervened",
    "intervened",
    "match_found",
    "triggered",
    "unsafe",
    "violation",
    "reject",
    "rejected",
    "modify",
    "modified",
    "redacted",
    "anonymized",
    "warn",
    "escalate",
    "true",
  ].map((word) => [word, "fail"] as const),
  ["error", "error"],
]);

const actions: ReadonlyMap<string, GuardrailAction> = new Map<string, GuardrailAction>([
  ["allow", "allow"],
  ["allowed", "allow"],
  ["pass", "allow"],
  ["passed", "allow"],
  ["deny", "block"],
  ["denied", "block"],
  ["block", "block"],
  ["blocked", "block"],
  ["reject", "block"],
  ["rejected", "block"],
  ["exception", "block"],
  ["modify", "modify"],
  ["modified", "modify"],
  ["redact", "modify"],
  ["redacted", "modify"],
  ["mask", "modify"],
  ["anonymize", "modify"],
  ["anonymized", "modify"],
  ["warn", "warn"],
  ["flag", "warn"],
  ["log", "warn"],
  ["audit", "warn"],
  ["escalate", "escalate"],
]);

/** What a failed validator of guardrails-ai does. */
const onFailActions: ReadonlyMap<string, GuardrailAction> = new Map<string, GuardrailAction>([
  ...actions,
  ["fix", "modify"],
  ["filter", "modify"],
  ["refrain", "block"],
  ["reask", "block"],
  ["noop", "none"],
]);

function toWord(value: unknown): string | undefined {
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "string" || value.length > 64) return undefined;
  const text = value.trim().toLowerCase();
  const last = text.slice(text.lastIndexOf(".") + 1);
  return verdicts.has(text) || actions.has(text) ? text : last.replaceAll(" ", "_").replaceAll("-", "_");
}

export function readGuardrail(facts: SpanFacts, failed: boolean): GuardrailReading {
  const { reader } = facts;
  const source: AttributeSource = { value: (key) => reader.value(key), text: (key) => reader.text(key) };
  if (facts.name === "claude_code.hook") return readClaudeHook(reader);
  reader.field = "result";
  const byAttribute = readVerdict(source);
  const result = byAttribute ?? readVerdictInOutput(reader) ?? (failed ? "error" : "unknown");
  return { ...readDetails(source, reader, result), guardrailName: readName(facts), evalKind: "guardrail", result };
}

function readClaudeHook(reader: SpanReader): GuardrailReading {
  reader.field = "guardrailName";
  const guardrailName = reader.firstName(hookNameKeys) ?? "claude_code.hook";
  return {
    guardrailName,
    evalKind: "hook",
    result: "fail",
    action: "block",
    score: undefined,
    label: undefined,
    reason: undefined,
    target: undefined,
  };
}

function readName(facts: SpanFacts): string {
  const { reader, name } = facts;
  reader.field = "guardrailName";
  const named = reader.firstName(nameKeys);
  if (named !== undefined) return named;
  if (facts.template.startsWith("Guardrail")) {
    const logfireName = reader.name("name");
    if (logfireName !== undefined) return logfireName;
  }
  const agent = facts.op === "invoke_agent" ? reader.name("gen_ai.agent.name") : undefined;
  const entity = agent ?? reader.firstName(entityNameKeys);
  if (entity !== undefined) return entity;
  const prefix = namePrefixes.find((candidate) => name.startsWith(candidate)) ?? "";
  return reader.toName(name.slice(prefix.length)) ?? "guardrail";
}

/** Verdict of the attributes alone; undefined when they do not say. */
export function readVerdict(source: AttributeSource): Verdict | undefined {
  for (const key of ["gen_ai.guardrail.triggered", "triggered"] as const) {
    const triggered = toBoolean(source.value(key) as Json | undefined);
    if (triggered !== undefined) return triggered ? "fail" : "pass";
  }
  for (const key of verdictWordKeys) {
    const word = toWord(source.value(key));
    const verdict = word === undefined ? undefined : verdicts.get(word);
    if (verdict !== undefined) return verdict;
  }
  const denied = toBoolean(source.value("guard.denied") as Json | undefined);
  return denied === undefined ? undefined : denied ? "fail" : "pass";
}

export function readDetails(
  source: AttributeSource,
  reader: SpanReader,
  result: Verdict,
): Pick<GuardrailReading, "action" | "score" | "label" | "reason" | "target"> {
  reader.field = "action";
  const action = readAction(source, result);
  reader.field = "score";
  let score: number | undefined;
  for (const key of scoreKeys) score ??= toNumber(source.value(key) as Json | undefined);
  reader.field = "reason";
  return {
    action,
    score,
    label: firstText(source, labelKeys),
    reason: firstText(source, reasonKeys),
    target: firstText(source, targetKeys),
  };
}

function firstText(source: AttributeSource, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const text = source.text(key);
    if (text !== undefined) return text;
  }
  return undefined;
}

function readAction(source: AttributeSource, result: Verdict): GuardrailAction | undefined {
  for (const key of verdictWordKeys) {
    const word = toWord(source.value(key));
    const action = word === undefined ? undefined : actions.get(word);
    if (action !== undefined) return action;
  }
  if (toBoolean(source.value("guard.denied") as Json | undefined) === true) return "block";
  const onFail = result === "fail" ? toWord(source.value("validator_on_fail")) : undefined;
  return onFail === undefined ? undefined : onFailActions.get(onFail);
}

const failBooleans = ["tripwire_triggered", "triggered", "blocked", "flagged"] as const;
const passBooleans = ["passed", "valid", "is_valid", "allowed", "validation_passed"] as const;
const wordMembers = ["outcome", "result", "status", "verdict", "action", "decision"] as const;

function readVerdictInOutput(reader: SpanReader): Verdict | undefined {
  for (const key of outputKeys) {
    const output = reader.json(key);
    if (output === undefined) continue;
    return verdictOf(output, 0);
  }
  return undefined;
}

function verdictOf(output: Json, depth: number): Verdict | undefined {
  if (typeof output === "string") return verdictOfWord(output);
  if (!isRecord(output)) return undefined;
  for (const key of failBooleans) if (typeof output[key] === "boolean") return output[key] ? "fail" : "pass";
  for (const key of passBooleans) if (typeof output[key] === "boolean") return output[key] ? "pass" : "fail";
  for (const key of wordMembers) {
    const verdict = verdictOfWord(output[key]);
    if (verdict !== undefined) return verdict;
  }
  // Langfuse and others wrap what a function returned once more.
  const inner = output["output"] ?? output["result"];
  return depth < 2 && isRecord(inner) ? verdictOf(inner, depth + 1) : undefined;
}

/** In an output `true`, `false` and `none` may mean anything. */
function verdictOfWord(value: Json | undefined): Verdict | undefined {
  if (typeof value !== "string") return undefined;
  const word = toWord(value);
  return word === undefined || word === "true" || word === "false" || word === "none" ? undefined : verdicts.get(word);
}

/** An evaluation: a label that is a verdict word counts, a score alone has no threshold. */
export function verdictOfLabel(label: string | undefined): Verdict {
  const word = toWord(label);
  return (word === undefined ? undefined : verdicts.get(word)) ?? "unknown";
}

const evaluationNameKeys = keyList(["gen_ai.evaluation.name"]);

/** An evaluator span; its own attributes, else its JSON output. */
export function readEvaluation(facts: SpanFacts, failed: boolean): GuardrailReading {
  const { reader, name } = facts;
  reader.field = "guardrailName";
  let guardrailName = reader.firstName(evaluationNameKeys);
  const score = reader.number("gen_ai.evaluation.score.value");
  const label = reader.text("gen_ai.evaluation.score.label");
  const reason = reader.text("gen_ai.evaluation.explanation");
  let reading = { score, label, reason };
  if (score === undefined && label === undefined) {
    const output = reader.firstJson(outputKeys);
    if (isRecord(output)) {
      const inner = annotationOf(output, reader);
      guardrailName ??= inner.name;
      reading = { score: inner.score, label: inner.label, reason: reason ?? inner.reason };
    } else {
      const number = toNumber(output);
      reading = {
        score: number,
        label: number === undefined && typeof output === "string" && output.length <= 64 ? output : undefined,
        reason,
      };
    }
  }
  const result = failed ? "error" : verdictOfLabel(reading.label);
  const named = guardrailName ?? reader.firstName(entityNameKeys) ?? reader.toName(name) ?? "evaluation";
  return { guardrailName: named, evalKind: "evaluation", result, action: undefined, ...reading, target: undefined };
}

export interface Annotation {
  readonly name: string | undefined;
  readonly score: number | undefined;
  readonly label: string | undefined;
  readonly reason: string | undefined;
}

/** `{name, score, label, explanation}`, also one level deeper as OpenInference folds it (`evaluation.name`). */
export function annotationOf(value: JsonRecord, reader: SpanReader): Annotation {
  const inner = value["annotation"] ?? value["evaluation"] ?? value["result"];
  const body = isRecord(inner) && !("score" in value) && !("label" in value) ? inner : value;
  const label = body["label"];
  const reason = body["explanation"] ?? body["reason"];
  return {
    name: reader.toName(body["name"]),
    score: toNumber(body["score"]),
    label: typeof label === "string" && isPresent(label) ? label : undefined,
    reason: typeof reason === "string" && isPresent(reason) ? reason : undefined,
  };
}
