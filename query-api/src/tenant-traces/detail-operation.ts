/** `GET /tenants/{tenantId}/traces/{traceId}`. Source: tenant-traces.md section 4. */
import { jsonAnswer, problemAnswer } from "../http/answer.ts";
import { type Operation, type OperationRequest, operation } from "../http/operation.ts";
import { notFound } from "../http/problem.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import type { StoredTrace, TraceReader } from "../store/stored-trace.ts";
import { bodyBytesMax, detailText } from "./body-limit.ts";
import { toTraceDetail } from "./detail.ts";
import { detailParameters } from "./parameters.ts";
import { traceDetailSchema } from "./response-schemas.ts";
import { traceEvents } from "./trace-events.ts";

export interface DetailDeps {
  readonly reader: ClickhouseReader;
  readonly traces: TraceReader;
  now(): number;
}

type DetailRequest = OperationRequest<typeof detailParameters>;

const eventsMax = 5000;

export function traceDetailOperation(deps: DetailDeps): Operation {
  return operation({
    operationId: "getTenantTrace",
    path: "/:traceId",
    summary: "One trace",
    description:
      "All messages, tool calls and settings of the call that gave the answer, with tokens and cost of the whole trace. `traceId` is the OpenTelemetry trace id, with or without a leading `trace_`.",
    pathParameters: {},
    parameters: detailParameters,
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": traceDetailSchema },
    problemStatuses: [400],
    async handle(request) {
      const traceId = /^(?:trace_)?([0-9a-fA-F]{32})$/.exec(request.path.traceId ?? "")?.[1]?.toLowerCase();
      if (traceId === undefined) return problemAnswer(notFound);
      const [stored] = await deps.traces.loadTraces(request.projectId, [traceId]);
      if (stored === undefined || stored.trace.events.length === 0) return problemAnswer(notFound);
      const text = await bodyText(deps, stored, request);
      return jsonAnswer(text, { mayReadContent: request.mayReadContent });
    },
  });
}

async function bodyText(deps: DetailDeps, stored: StoredTrace, request: DetailRequest): Promise<string> {
  const { mayReadContent, projectId, values } = request;
  const detail = toTraceDetail(stored, { nowMs: deps.now(), mayReadContent });
  if (values.include?.includes("events") !== true) return detailText(detail);
  // Messages come first: events get the room that they leave, at least half.
  const bare = detailText(detail, bodyBytesMax / 2);
  const { texts, truncated } = await traceEvents(deps.reader, stored, {
    projectId,
    mayReadContent,
    eventsMax,
    bytesMax: bodyBytesMax - Buffer.byteLength(bare) - framingBytes,
  });
  const flag = truncated ? ',"eventsTruncated":true' : "";
  return `${bare.slice(0, -1)},"events":[${texts.join(",")}]${flag}}`;
}

/** What stands around the events and between them. */
const framingBytes = 64 + eventsMax;
