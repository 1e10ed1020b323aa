/** `GET /sessions/generations`. Source: session-traces.md section 10. */
import { unitsToUsd } from "@nonet/processor/fold/cost.ts";
import { z } from "zod";
import { type Answer, jsonAnswer, problemAnswer } from "../../http/answer.ts";
import { type Operation, type OperationRequest, operation } from "../../http/operation.ts";
import { amountText, filterText, integerText, list, rangeConflict, single } from "../../http/parameters.ts";
import { type ParameterError, rateLimitExceeded } from "../../http/problem.ts";
import { csvRecord } from "../export/csv.ts";
import type { ExportSlots } from "../export/export-slots.ts";
import { mediaTypeOf, streamHeaders, writeRows } from "../export/row-stream.ts";
import { roundMs } from "../numbers.ts";
import { writeBody, writeItems } from "../page.ts";
import { tracesParameters } from "../parameters.ts";
import { generationsSchema } from "../response-schemas.ts";
import { type GenerationDeps, loadGenerations } from "./generation-loader.ts";
import {
  countGenerations,
  type FoundGeneration,
  findGenerations,
  type GenerationRequest,
  type GenerationSums,
  sumGenerations,
} from "./generation-query.ts";
import { type Generation, type GenerationShape, generationColumns, generationValues } from "./generation-shape.ts";

const limitDefault = 100;
const streamBatch = 500;
const aggregateNanoMax = 31n * 86_400_000_000_000n;
const retryAfterMs = 5000;

const formats = ["json", "csv", "ndjson"] as const;

const generationsParameters = {
  model: list(filterText, { description: "Response or request models, exact." }),
  provider: list(filterText, { description: "Providers, exact." }),
  sessionId: list(filterText, { description: "Session ids." }),
  agent: tracesParameters.agent,
  promptName: list(filterText, { description: "Prompt names, exact." }),
  operation: list(filterText, { description: "Operations, exact." }),
  status: tracesParameters.status,
  environment: list(filterText, { description: "Environments, exact." }),
  from: single(tracesParameters.from.schema, { description: "Earliest start, inclusive." }),
  to: single(tracesParameters.to.schema, { description: "Latest start, exclusive." }),
  minDurationMs: single(amountText, { description: "Shortest duration; calls without one never match." }),
  minTokens: single(amountText, { description: "Fewest total tokens; calls without a total never match." }),
  order: single(z.enum(["asc", "desc"]), { description: "By time and id; default `desc`.", noun: "an order" }),
  include: list(z.enum(["aggregates", "total"]), {
    description: "`aggregates` over all matches (`from` and `to` at most 31 days apart); `total` fills `page.total`.",
    noun: "something to include",
  }),
  content: single(tracesParameters.content.schema, {
    description: "As elsewhere, but `none` by default.",
    noun: "a content mode",
  }),
  format: single(z.enum(formats), {
    description: "`json` (default); `csv` and `ndjson` stream all matches.",
    noun: "a format",
  }),
  limit: single(integerText(1, 1000), { description: "JSON only: calls; default 100." }),
  cursor: tracesParameters.cursor,
};

type Request = OperationRequest<typeof generationsParameters>;

export function generationsOperation(deps: GenerationDeps & { readonly slots: ExportSlots; now(): number }): Operation {
  return operation({
    operationId: "listGenerations",
    path: "/generations",
    summary: "Model calls across sessions",
    description: "Every `llm_call` of the project with usage, cost, latency and what is known of its prompt.",
    pathParameters: {},
    parameters: generationsParameters,
    scopeOf: (query) => (["csv", "ndjson"].includes(query.get("format") ?? "json") ? "traces:export" : "traces:read"),
    conflicts: (values) => [...rangeConflict(["from", "to"], values.from, values.to), ...conflictsOf(values)],
    mediaTypes: (values) => [mediaTypeOf[values.format ?? "json"]],
    responses: { "application/json": generationsSchema, "text/csv": z.string(), "application/x-ndjson": z.string() },
    problemStatuses: [400],
    async handle(request) {
      const { format } = request.values;
      if (format === "csv" || format === "ndjson") return streamAnswer(deps, request, format);
      return pageAnswer(deps, request);
    },
  });
}

async function pageAnswer(deps: GenerationDeps, request: Request): Promise<Answer> {
  const { values, projectId } = request;
  const query = toQuery(request);
  const limit = values.limit ?? limitDefault;
  const found = await collect(findGenerations(deps.reader, query, limit + 1), limit + 1);
  const generations = await loadGenerations(deps, projectId, found.slice(0, limit), shapeOf(request));
  const written = writeItems(generations, limit, (generation) => JSON.stringify(generation));
  const isCut = written.hasMore && written.last !== undefined;
  const hasMore = isCut || found.length > limit;
  const lastKey = isCut
    ? [written.last?.timeUnixNano ?? "", written.last?.id ?? ""]
    : keyOf(found[Math.min(found.length, limit) - 1]);
  const nextCursor = hasMore && lastKey !== undefined ? request.cursorAfter(lastKey) : null;
  const total = values.include?.includes("total") ? await countGenerations(deps.reader, query) : null;
  const aggregates = values.include?.includes("aggregates") ? { aggregates: await aggregatesOf(deps, query) } : {};
  const page = { limit, count: written.texts.length, total, hasMore, nextCursor };
  const text = writeBody({}, written.texts, { page, ...aggregates });
  return jsonAnswer(text, { nextCursor, mayReadContent: request.mayReadContent });
}

function keyOf(found: FoundGeneration | undefined): string[] | undefined {
  return found === undefined ? undefined : [found.time_unix_nano, found.event_id];
}

async function collect(batches: AsyncIterable<readonly FoundGeneration[]>, count: number): Promise<FoundGeneration[]> {
  const found: FoundGeneration[] = [];
  for await (const batch of batches) {
    found.push(...batch);
    if (found.length >= count) break;
  }
  return found.slice(0, count);
}

function streamAnswer(
  deps: GenerationDeps & { readonly slots: ExportSlots; now(): number },
  request: Request,
  format: "csv" | "ndjson",
): Answer {
  const headers = streamHeaders(format, { projectId: request.projectId, nowMs: deps.now() });
  if (request.isHead) return { kind: "stream", headers, encodes: true, write: async () => undefined };
  const giveBack = deps.slots.take(request.credentialId);
  if (giveBack === undefined) {
    return problemAnswer(rateLimitExceeded(retryAfterMs, "Two exports of this token are running."));
  }
  const toText = (generation: Generation): string =>
    format === "csv" ? csvRecord(generationValues(generation)) : JSON.stringify({ kind: "generation", ...generation });
  return {
    kind: "stream",
    encodes: true,
    headers,
    async write(response) {
      try {
        const head = format === "csv" ? csvRecord(generationColumns) : "";
        await writeRows({ format, head, rows: generationRows(deps, request, toText) }, response);
      } finally {
        giveBack();
      }
    },
  };
}

async function* generationRows(
  deps: GenerationDeps,
  request: Request,
  toText: (generation: Generation) => string,
): AsyncGenerator<string> {
  for await (const found of findGenerations(deps.reader, toQuery(request), streamBatch)) {
    if (request.signal.aborted) return;
    for (const generation of await loadGenerations(deps, request.projectId, found, shapeOf(request))) {
      yield toText(generation);
    }
  }
}

async function aggregatesOf(deps: GenerationDeps, query: GenerationRequest): Promise<object> {
  const [[all], byModel] = await Promise.all([
    sumGenerations(deps.reader, query, { byModel: false }),
    sumGenerations(deps.reader, query, { byModel: true }),
  ]);
  const sums = toSums(all);
  return {
    count: sums.count,
    errors: sums.errors,
    sessions: Number(all?.sessions ?? 0),
    tokens: {
      input: sums.inputTokens,
      output: sums.outputTokens,
      total: sums.totalTokens,
      callsMissing: Number(all?.missing ?? 0),
    },
    cost: { amount: sums.costAmount, currency: "USD", unpricedCalls: Number(all?.unpriced ?? 0) },
    latency: {
      meanMs: roundedOrNull(all?.mean_ms),
      p50Ms: sums.p50Ms,
      p95Ms: sums.p95Ms,
      maxMs: roundedOrNull(all?.max_ms),
    },
    byModel: byModel
      .map((row) => ({ provider: row.provider || null, model: row.model || null, ...toSums(row) }))
      .sort(
        (a, b) =>
          b.count - a.count ||
          compareText(a.model ?? "", b.model ?? "") ||
          compareText(a.provider ?? "", b.provider ?? ""),
      ),
  };
}

/** The null rules of 2.5: over no calls 0, over calls none of which reports null. */
function toSums(row: GenerationSums | undefined) {
  const count = Number(row?.calls ?? 0);
  const sum = (value: string | null | undefined): number | null => {
    if (count === 0) return 0;
    return value === null || value === undefined || Number(row?.countable) === 0 ? null : Number(value);
  };
  const cost = row?.cost ?? null;
  return {
    count,
    errors: Number(row?.errors ?? 0),
    inputTokens: sum(row?.input),
    outputTokens: sum(row?.output),
    totalTokens: sum(row?.total),
    costAmount: count === 0 ? 0 : cost === null ? null : unitsToUsd(BigInt(cost)),
    p50Ms: roundedOrNull(row?.p50_ms),
    p95Ms: roundedOrNull(row?.p95_ms),
  };
}

/** An aggregate over no durations is not a number in the store. */
function roundedOrNull(value: number | null | undefined): number | null {
  return value === null || value === undefined || Number.isNaN(value) ? null : roundMs(value);
}

function conflictsOf(values: Request["values"]): ParameterError[] {
  const errors: ParameterError[] = [];
  if (values.include?.includes("aggregates")) {
    for (const name of ["from", "to"] as const) {
      if (values[name] !== undefined) continue;
      errors.push({ parameter: name, code: "CONFLICT", detail: `'${name}' is required for aggregates.` });
    }
    if (values.from !== undefined && values.to !== undefined && values.to - values.from > aggregateNanoMax) {
      const detail = "'from' and 'to' may be at most 31 days apart for aggregates.";
      errors.push({ parameter: "to", code: "OUT_OF_RANGE", detail });
    }
  }
  if (values.format === "csv" || values.format === "ndjson") {
    for (const name of ["limit", "cursor", "include"] as const) {
      if (values[name] === undefined) continue;
      errors.push({ parameter: name, code: "CONFLICT", detail: `'${name}' is for format=json only.` });
    }
  }
  return errors;
}

function shapeOf(request: Request): GenerationShape {
  return { content: request.values.content ?? "none", mayReadContent: request.mayReadContent };
}

function toQuery(request: Request): GenerationRequest {
  const { values, after } = request;
  const [timeUnixNano, eventId] = after ?? [];
  return {
    projectId: request.projectId,
    filter: {
      model: values.model,
      provider: values.provider,
      sessionId: values.sessionId,
      agent: values.agent,
      promptName: values.promptName,
      operation: values.operation,
      status: values.status,
      environment: values.environment,
      from: values.from,
      to: values.to,
      minDurationMs: values.minDurationMs,
      minTokens: values.minTokens,
    },
    order: values.order ?? "desc",
    after: timeUnixNano === undefined || eventId === undefined ? undefined : { timeUnixNano, eventId },
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
