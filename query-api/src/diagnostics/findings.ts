/** What of the diagnostics is worth changing, and where. */
import type { CopyPairRow, UnpricedModelRow } from "./query.ts";
import type { Diagnostics, Finding, ScopeDiagnostics } from "./response-schema.ts";

export interface FindingsInput {
  readonly diagnostics: Pick<Diagnostics, "scopes" | "modelCalls" | "mappingVersions" | "quarantined">;
  readonly copyPairs: readonly CopyPairRow[];
  readonly unpricedModels: readonly UnpricedModelRow[];
}

/** Attributes in which agents speak: a scope that has them and is not understood is a gap of the mapping. */
const agentAttribute =
  /^(?:gen_ai|llm|ai|agent|openinference|input|output|traceloop|langfuse|langsmith|mlflow|agentops|lmnr|mcp|tool|retrieval|embedding|reranker)\./;
const namedMax = 5;
/** Of the calls that were looked at: single calls without content are nothing odd. */
const contentShareMin = 0.5;

export function findFindings({ diagnostics, copyPairs, unpricedModels }: FindingsInput): Finding[] {
  const { scopes, modelCalls, mappingVersions, quarantined } = diagnostics;
  return [
    ...copyPairs.map(doubleInstrumentation),
    ...ofScopes(scopes, "session_missing", ({ withoutSession }) => withoutSession, {
      detail: "spans belong to traces that name no session, so each such trace is a session of its own",
      advice: "Set session.id, or gen_ai.conversation.id, on the root span of each trace.",
    }),
    ...contentMissing(scopes),
    ...modelCalls
      .filter(({ withoutTokens }) => withoutTokens > 0)
      .map(({ scope, calls, withoutTokens }) => ({
        kind: "tokens_missing" as const,
        scopes: [scope],
        count: withoutTokens,
        detail: `${withoutTokens} of ${calls} model calls state no tokens, so they have no cost.`,
        advice:
          "Have the instrumentation record usage; for streamed answers ask the provider for it, e.g. stream_options.include_usage.",
      })),
    ...unpriced(modelCalls, unpricedModels),
    ...ofScopes(scopes, "clock_skew", ({ clockAhead, sample }) => clockAhead + sample.clockSkew, {
      detail: "spans start after they were received, or outside this century",
      advice: "Synchronise the clock of the sender.",
    }),
    ...ofScopes(scopes, "late_arrival", ({ late }) => late, {
      detail: "spans were received more than a day after their end",
      advice:
        "Look for a Collector that holds spans back, or a clock that is behind; history that is sent again looks like this too.",
    }),
    ...unmappedScopes(scopes),
    ...truncated(scopes),
    ...ofScopes(scopes, "source_dropped", ({ sample }) => sample.sourceDropped, {
      detail: "sampled spans lost attributes or events in the sender",
      advice: "Raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT and OTEL_SPAN_EVENT_COUNT_LIMIT in the sender.",
    }),
    ...staleMapping(mappingVersions),
    ...rejectedSpans(quarantined),
  ];
}

function ofScopes(
  scopes: readonly ScopeDiagnostics[],
  kind: Finding["kind"],
  countOf: (scope: ScopeDiagnostics) => number,
  text: { readonly detail: string; readonly advice: string },
): Finding[] {
  const concerned = scopes.filter((scope) => countOf(scope) > 0);
  if (concerned.length === 0) return [];
  const count = concerned.reduce((total, scope) => total + countOf(scope), 0);
  return [{ kind, scopes: namesOf(concerned), count, detail: `${count} ${text.detail}.`, advice: text.advice }];
}

function namesOf(scopes: readonly ScopeDiagnostics[]): string[] {
  return [...new Set(scopes.map(({ name }) => name))];
}

function doubleInstrumentation({ copy, original, calls }: CopyPairRow): Finding {
  return {
    kind: "double_instrumentation",
    scopes: [original, copy],
    count: Number(calls),
    detail: `${calls} model calls of ${original} are reported by ${copy} too; they are counted once.`,
    advice: `Switch one of the two instrumentations off, or add "${copy}" to ignoredScopes of the project's settings.`,
  };
}

function contentMissing(scopes: readonly ScopeDiagnostics[]): Finding[] {
  return scopes
    .filter(({ sample }) => sample.modelCalls > 0 && sample.callsWithoutContent >= contentShareMin * sample.modelCalls)
    .map(({ name, sample }) => ({
      kind: "content_missing",
      scopes: [name],
      count: sample.callsWithoutContent,
      detail: `${sample.callsWithoutContent} of ${sample.modelCalls} sampled model calls carry no messages.`,
      advice:
        "Switch the capture of content on, e.g. OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true, TRACELOOP_TRACE_CONTENT=true, or recordInputs and recordOutputs of the AI SDK.",
    }));
}

function unpriced(modelCalls: Diagnostics["modelCalls"], models: readonly UnpricedModelRow[]): Finding[] {
  const concerned = modelCalls.filter((each) => each.unpriced > 0);
  if (concerned.length === 0) return [];
  const count = concerned.reduce((total, each) => total + each.unpriced, 0);
  const named = models
    .slice(0, namedMax)
    .map(
      ({ provider, model, calls }) =>
        `${provider === "" ? "" : `${provider}/`}${model === "" ? "(no model)" : model} (${calls})`,
    );
  return [
    {
      kind: "unpriced_calls",
      scopes: concerned.map(({ scope }) => scope),
      count,
      detail: `${count} model calls have tokens and no price: ${named.join(", ")}.`,
      advice:
        "Add a price to priceOverrides of the project's settings and run `nonet reprice`; or have the sender state provider and model as the provider names them.",
    },
  ];
}

function unmappedScopes(scopes: readonly ScopeDiagnostics[]): Finding[] {
  return scopes
    .filter((scope) => recognisedOf(scope) === 0)
    .flatMap(({ name, sample, unrecognised }) => {
      const spoken = sample.unreadAttributes.filter(({ attribute }) => agentAttribute.test(attribute));
      if (unrecognised === 0 && spoken.length === 0) return [];
      const named = spoken.slice(0, namedMax).map(({ attribute }) => attribute);
      const words = named.length === 0 ? "" : `: ${named.join(", ")}`;
      return [
        {
          kind: "unmapped_scope" as const,
          scopes: [name],
          count: Math.max(unrecognised, ...spoken.map(({ spans }) => spans)),
          detail: `No rule knows its spans, though they speak of agents${words}.`,
          advice:
            "Update the instrumentation if there is a newer one; otherwise file a mapping bug with the output of `nonet map FILE` for one export.",
        },
      ];
    });
}

function recognisedOf({ spans, byClass, unrecognised }: ScopeDiagnostics): number {
  const silent = byClass.filter((each) => ["plain", "inert", "drop"].includes(each.class));
  return silent.reduce((left, each) => left - each.spans, spans - unrecognised);
}

function truncated(scopes: readonly ScopeDiagnostics[]): Finding[] {
  return scopes
    .filter(({ sample }) => sample.limits.length > 0)
    .map(({ name, sample }) => ({
      kind: "truncated",
      scopes: [name],
      count: sample.limits.reduce((total, { spans }) => total + spans, 0),
      detail: `Limits of the mapping cut sampled spans: ${sample.limits.map(({ limit, spans }) => `${limit} (${spans})`).join(", ")}.`,
      advice: "Events show the shortened values; include=attributes shows the spans as they were sent.",
    }));
}

function staleMapping(versions: Diagnostics["mappingVersions"]): Finding[] {
  const count = versions.reduce((total, { inForce, spans }) => total + (inForce ? 0 : spans), 0);
  if (count === 0) return [];
  return [
    {
      kind: "stale_mapping",
      scopes: [],
      count,
      detail: `${count} spans bear a mapping version that is not the one in force.`,
      advice: "Run `nonet remap` to map them again.",
    },
  ];
}

function rejectedSpans(quarantined: Diagnostics["quarantined"]): Finding[] {
  const count = quarantined.reduce((total, each) => total + each.count, 0);
  if (count === 0) return [];
  const named = quarantined.slice(0, namedMax).map((each) => `${each.reason} (${each.count})`);
  return [
    {
      kind: "rejected_spans",
      scopes: [],
      count,
      detail: `Spans lie in the quarantine: ${named.join(", ")}.`,
      advice: "GET /quarantine shows them with their bytes; after a fix they can be replayed.",
    },
  ];
}
