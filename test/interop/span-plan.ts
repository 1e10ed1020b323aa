/**
 * Spans with known ids, the same in every language's sender: traces of ten spans (an agent's root, model calls, tools), ten traces in a session.
 *
 *     trace id  PPPPPPPP 00000000 00000000 TTTTTTTT    P: the run's prefix, T: the trace's number from 1
 *     span id   PPPPPPPP SSSSSSSS                      S: the span's number from 1, roots first within their trace
 *
 * This file is bundled for the browser too: it imports types and the OpenTelemetry API only.
 */
import { context, SpanKind, type Tracer, trace } from "@opentelemetry/api";

export const spansPerTrace = 10;
export const tracesPerSession = 10;

export interface SpanPlan {
  /** Eight hex digits, not all zero. */
  readonly prefix: string;
  /** A multiple of `spansPerTrace`. */
  readonly spanCount: number;
}

export function traceIdOf(prefix: string, traceNumber: number): string {
  return prefix + traceNumber.toString(16).padStart(24, "0");
}

export function spanIdOf(prefix: string, spanNumber: number): string {
  return prefix + spanNumber.toString(16).padStart(8, "0");
}

export function sessionIdOf(prefix: string, traceNumber: number): string {
  return `interop-${prefix}-${Math.floor((traceNumber - 1) / tracesPerSession)}`;
}

/** Every span of a plan: `traceId/spanId`. */
export function plannedKeys({ prefix, spanCount }: SpanPlan): Set<string> {
  const keys = new Set<string>();
  for (let span = 1; span <= spanCount; span += 1) {
    keys.add(`${traceIdOf(prefix, Math.ceil(span / spansPerTrace))}/${spanIdOf(prefix, span)}`);
  }
  return keys;
}

/** Ids in the order of the plan, for an SDK whose spans are started in that order. */
export function createPlannedIds(prefix: string): { generateTraceId(): string; generateSpanId(): string } {
  let traces = 0;
  let spans = 0;
  return {
    generateTraceId() {
      traces += 1;
      return traceIdOf(prefix, traces);
    },
    generateSpanId() {
      spans += 1;
      return spanIdOf(prefix, spans);
    },
  };
}

/** Starts and ends the ten spans of one trace. */
export function emitTrace(tracer: Tracer, sessionId: string): void {
  const startMs = Date.now() - 1_000;
  const conversation = { "gen_ai.conversation.id": sessionId };
  const root = tracer.startSpan("invoke_agent shop", {
    startTime: new Date(startMs),
    attributes: { ...conversation, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop" },
  });
  const inRoot = trace.setSpan(context.active(), root);
  for (let n = 1; n < spansPerTrace; n += 1) {
    const isTool = n % 2 === 0;
    const attributes = isTool
      ? { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_order" }
      : {
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": "openai",
          "gen_ai.request.model": "gpt-5-mini",
          "gen_ai.usage.input_tokens": n,
          "gen_ai.usage.output_tokens": 1,
        };
    const span = tracer.startSpan(
      isTool ? "execute_tool get_order" : "chat gpt-5-mini",
      {
        kind: isTool ? SpanKind.INTERNAL : SpanKind.CLIENT,
        startTime: new Date(startMs + n * 10),
        attributes: { ...attributes, ...conversation },
      },
      inRoot,
    );
    span.end(new Date(startMs + n * 10 + 5));
  }
  root.end(new Date(startMs + 1_000));
}

/** Model calls and tools have an event each; the agent's root, the first span of a trace, has none of its own. */
export function hasOwnEvent(spanId: string): boolean {
  return Number.parseInt(spanId.slice(8), 16) % spansPerTrace !== 1;
}

export function plannedSessionIds({ prefix, spanCount }: SpanPlan): string[] {
  const traceCount = spanCount / spansPerTrace;
  return [...new Set(Array.from({ length: traceCount }, (_, index) => sessionIdOf(prefix, index + 1)))];
}
