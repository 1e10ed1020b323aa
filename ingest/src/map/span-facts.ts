/** The variables of event mapping 3.1 and which families of attributes a span has, found in one pass over its keys. */
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import type { SpanReader } from "./span-reader.ts";

export interface SpanFacts {
  readonly reader: SpanReader;
  readonly span: DecodedSpan;
  readonly name: string;
  readonly scope: string;
  /** `gen_ai.operation.name` */
  readonly op: string | undefined;
  /** `openinference.span.kind` */
  readonly oi: string | undefined;
  /** `traceloop.span.kind` */
  readonly tl: string | undefined;
  /** `langsmith.span.kind` */
  readonly ls: string | undefined;
  /** `langfuse.observation.type` */
  readonly lf: string | undefined;
  /** `mastra.span.type` */
  readonly ms: string | undefined;
  readonly mlflowType: string | undefined;
  readonly agentopsKind: string | undefined;
  readonly laminarType: string | undefined;
  /** `logfire.msg_template`, as sent */
  readonly template: string;
  /** `ai.operationId`, else the first word of an `operation.name` that starts with `ai.` */
  readonly vercelId: string | undefined;
  readonly families: number;
  /** UTF-16 units in the texts of the span and its events: an upper bound for how much an event can hold. */
  readonly textChars: number;
}

/** Bits of `SpanFacts.families`. */
export const family = {
  genAi: 1 << 0,
  guardrail: 1 << 1,
  llm: 1 << 2,
  vercel: 1 << 3,
  openinference: 1 << 4,
  traceloop: 1 << 5,
  langfuse: 1 << 6,
  langsmith: 1 << 7,
  mlflow: 1 << 8,
  agentops: 1 << 9,
  laminar: 1 << 10,
  pydantic: 1 << 11,
  mastra: 1 << 12,
  adk: 1 << 13,
  agno: 1 << 14,
  livekit: 1 << 15,
  logfire: 1 << 16,
  haystack: 1 << 17,
  codex: 1 << 18,
  evaluations: 1 << 19,
  /** `mlflow.*` other than `mlflow.span*`, `mlflow.chat.*`, `mlflow.llm.*`: known, and no sign of an AI span by itself. */
  mlflowOther: 1 << 20,
  /** Attributes that single rules look at and that belong to no family. */
  other: 1 << 21,
  /** `metadata` and `metadata.*`: labels, and no sign of an AI span. */
  metadata: 1 << 22,
  /** All others, by whether their names have a dot. They are no sign of an AI span. */
  dotted: 1 << 23,
  undotted: 1 << 24,
} as const;

const noSign = family.metadata | family.dotted | family.undotted;

/** FALLBACK-STEP: a span with one of these comes from an AI library. */
export const aiFamilies =
  family.genAi |
  family.llm |
  family.vercel |
  family.openinference |
  family.traceloop |
  family.langfuse |
  family.langsmith |
  family.mlflow |
  family.agentops |
  family.laminar |
  family.pydantic |
  family.mastra |
  family.adk |
  family.agno |
  family.livekit;

const familyPrefixes: readonly (readonly [prefix: string, bits: number])[] = [
  ["gen_ai.guardrail.", family.genAi | family.guardrail],
  ["gen_ai.request.metadata.", family.genAi | family.metadata],
  ["gen_ai.", family.genAi],
  ["llm.", family.llm],
  ["ai.", family.vercel],
  ["openinference.", family.openinference],
  ["traceloop.", family.traceloop],
  ["langfuse.", family.langfuse],
  ["langsmith.", family.langsmith],
  ["mlflow.span", family.mlflow],
  ["mlflow.chat.", family.mlflow],
  ["mlflow.llm.", family.mlflow],
  ["mlflow.", family.mlflowOther],
  ["agentops.", family.agentops],
  ["lmnr.", family.laminar],
  ["pydantic_ai.", family.pydantic],
  ["mastra.", family.mastra],
  ["gcp.vertex.agent.", family.adk],
  ["agno.", family.agno],
  ["lk.", family.livekit],
  ["logfire.", family.logfire],
  ["haystack.", family.haystack],
  ["codex.", family.codex],
  ["metadata", family.metadata],
  ["annotations.", family.evaluations],
  ["evaluations.", family.evaluations],
  ["span.evaluations.", family.evaluations],
  ["trace.evaluations.", family.evaluations],
  ["session.evaluations.", family.evaluations],
  ["sentry.op", family.other],
  ["validator_name", family.other],
  ["langgraph.command.", family.other],
  ["edge_group.", family.other],
  ["executor.id", family.other],
  ["flow.node.type", family.other],
  ["operation.name", family.other],
  ["mcp.method.name", family.other],
  ["state.key", family.other],
  ["sdk_span_type", family.other],
];

/** Prefixes by first letter, so that a key meets only those it can have. */
const prefixesByLetter: readonly (readonly (readonly [prefix: string, bits: number])[])[] = Array.from(
  { length: 128 },
  (_, code) => familyPrefixes.filter(([prefix]) => prefix.charCodeAt(0) === code),
);

/** Span names and scopes that rules know without any attribute. */
const knownNamePrefixes = [
  "claude_code.",
  "session_task.",
  "haystack.",
  "workflow.run",
  "workflow.build",
  "executor.process",
  "message.send",
] as const;
const knownScopes: ReadonlySet<string> = new Set(["pydantic-ai", "gcp.vertex.agent", "livekit-agents"]);

/** Bits of all attribute keys together. */
export function scanFamilies(span: DecodedSpan): { families: number; textChars: number } {
  let families = 0;
  let textChars = 0;
  const remember = span.attributes.size <= rememberedSpanKeysMax;
  for (const [key, value] of span.attributes) {
    if (typeof value === "string") textChars += value.length;
    else if (typeof value === "object" && value !== null) textChars += sizeOfNested(value);
    families |= remember ? rememberedFamilyOf(key) : familyOf(key);
  }
  for (const event of span.events) {
    for (const value of event.attributes.values()) {
      if (typeof value === "string") textChars += value.length;
      else if (typeof value === "object" && value !== null) textChars += sizeOfNested(value);
    }
  }
  return { families, textChars };
}

/** Keys seen before: the same few hundred come with every span. Only a memory of the table above; bounded, and cleared when full. */
const knownKeys = new Map<string, number>();
const knownKeysMax = 4_096;
const knownKeyCharsMax = 96;
/** Spans with more attributes have mostly keys of their own, which would only push out the others. */
const rememberedSpanKeysMax = 256;

function rememberedFamilyOf(key: string): number {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const bits = familyOf(key);
  if (key.length <= knownKeyCharsMax) {
    if (knownKeys.size >= knownKeysMax) knownKeys.clear();
    knownKeys.set(key, bits);
  }
  return bits;
}

/** Bits of one key; every key has some. */
export function familyOf(key: string): number {
  for (const [prefix, bits] of prefixesByLetter[key.charCodeAt(0)] ?? []) if (key.startsWith(prefix)) return bits;
  return key.includes(".") ? family.dotted : family.undotted;
}

/** A nested value is not measured: it counts as if it could fill an event only when it is large itself. */
function sizeOfNested(value: object, depth = 0): number {
  if (value instanceof Uint8Array) return value.length * 2;
  if (depth > 64) return 0;
  let size = 16;
  const members: Iterable<unknown> = value instanceof Map ? value.values() : (value as readonly unknown[]);
  for (const member of members) {
    size += 16;
    if (typeof member === "string") size += member.length;
    else if (typeof member === "object" && member !== null) size += sizeOfNested(member, depth + 1);
  }
  return size;
}

/** False only for spans that no rule of 3.2 before PLAIN can match. */
export function mayBeAi(span: DecodedSpan, families: number): boolean {
  if ((families & ~noSign) !== 0 || knownScopes.has(span.scope.name)) return true;
  for (const prefix of knownNamePrefixes) if (span.name.startsWith(prefix)) return true;
  return span.name.endsWith("(merged tools)") || span.name.endsWith("(merged)");
}

export function readSpanFacts(reader: SpanReader, families: number, textChars: number): SpanFacts {
  const { span } = reader;
  reader.families = families;
  reader.field = "class";
  return {
    reader,
    span,
    name: span.name,
    scope: span.scope.name,
    op: reader.word("gen_ai.operation.name"),
    oi: (families & family.openinference) === 0 ? undefined : reader.word("openinference.span.kind"),
    tl: (families & family.traceloop) === 0 ? undefined : reader.word("traceloop.span.kind"),
    ls: (families & family.langsmith) === 0 ? undefined : reader.word("langsmith.span.kind"),
    lf: (families & family.langfuse) === 0 ? undefined : reader.word("langfuse.observation.type"),
    ms: (families & family.mastra) === 0 ? undefined : reader.word("mastra.span.type"),
    mlflowType: (families & family.mlflow) === 0 ? undefined : reader.word("mlflow.spanType"),
    agentopsKind: (families & family.agentops) === 0 ? undefined : reader.word("agentops.span.kind"),
    laminarType: (families & family.laminar) === 0 ? undefined : reader.word("lmnr.span.type"),
    template: (families & family.logfire) === 0 ? "" : (reader.text("logfire.msg_template") ?? ""),
    vercelId: readVercelId(reader, families),
    families,
    textChars,
  };
}

function readVercelId(reader: SpanReader, families: number): string | undefined {
  if ((families & family.vercel) !== 0) {
    const id = reader.text("ai.operationId");
    if (id !== undefined) return id;
  }
  if ((families & family.other) === 0) return undefined;
  const operation = reader.attributes.get("operation.name");
  if (typeof operation !== "string" || !operation.startsWith("ai.")) return undefined;
  return reader.text("operation.name")?.split(" ", 1)[0];
}
