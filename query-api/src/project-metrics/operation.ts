/** `GET /api/projects/:projectId/metrics`: rolling metrics of a project, by window and group. Ours; in the style of the session traces API. */
import type { Projection } from "@nonet/proto/projection/projection.ts";
import { z } from "zod";
import { jsonAnswer } from "../http/answer.ts";
import { type Operation, operation } from "../http/operation.ts";
import { filterText, list, rangeConflict, single, timeText } from "../http/parameters.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { loadMetricRows } from "./query.ts";
import { projectMetricsSchema } from "./response-schema.ts";
import { groupKeys, toMetricWindows } from "./shape.ts";

export const projectMetricsBasePath = "/api/projects/:projectId/metrics";

const steps = ["60", "300", "3600", "86400"] as const;
/** A chart of more points than this is no chart. */
const windowsMax = 1_500;
const minuteNano = 60_000_000_000n;

const parameters = {
  from: single(timeText, { description: "Start, inclusive; rounded down to the step. Default: one hour before `to`." }),
  to: single(timeText, { description: "End, exclusive; rounded up to the step. Default: now." }),
  step: single(z.enum(steps), {
    description: "Length of a window in seconds: 60 (default), 300, 3600 or 86400.",
    noun: "a step",
  }),
  groupBy: list(z.enum(groupKeys), { description: "Dimensions to group by.", noun: "a dimension" }),
  agent: list(filterText, { description: "Agent names, exact." }),
  model: list(filterText, { description: "Models that answered, else that were asked, exact." }),
  provider: list(filterText, { description: "Providers, exact." }),
  tool: list(filterText, { description: "Tool names, exact." }),
  environment: list(filterText, { description: "Environments, exact." }),
};

export function projectMetricsOperation(deps: {
  readonly reader: ClickhouseReader;
  readonly projection: Projection;
  now(): number;
}): Operation {
  return operation({
    operationId: "getProjectMetrics",
    path: "/",
    summary: "Rolling metrics of the project",
    description:
      "Calls, errors, tokens, cost, latency, tools, guardrails and handoffs in windows by event time. Windows without an event are left out.",
    pathParameters: {},
    parameters,
    scopeOf: () => "traces:read",
    conflicts(values) {
      const conflicts = rangeConflict(["from", "to"], values.from, values.to);
      const range = rangeOf(values, deps.now());
      const windows = (range.to - range.from) / range.stepMinutes;
      if (conflicts.length === 0 && windows > windowsMax) {
        conflicts.push({
          parameter: "step",
          code: "OUT_OF_RANGE",
          detail: `${windows} windows of ${range.stepMinutes * 60} seconds exceed ${windowsMax}; take a longer step or a shorter range.`,
          allowed: [...steps],
        });
      }
      return conflicts;
    },
    mediaTypes: () => ["application/json"],
    responses: { "application/json": projectMetricsSchema },
    problemStatuses: [400],
    async handle(request) {
      const { values } = request;
      const range = rangeOf(values, deps.now());
      const rows = await loadMetricRows({ projectId: request.projectId, ...range }, deps);
      const groupBy = groupKeys.filter((key) => values.groupBy?.includes(key));
      const body = {
        from: timeOf(range.from),
        to: timeOf(range.to),
        step: range.stepMinutes * 60,
        groupBy,
        data: toMetricWindows(rows, { stepSeconds: range.stepMinutes * 60, groupBy, filter: values }),
      };
      return jsonAnswer(JSON.stringify(body), { mayReadContent: request.mayReadContent });
    },
  });
}

interface RangeValues {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
  readonly step?: (typeof steps)[number] | undefined;
}

/** In minutes since 1970, whole steps. */
function rangeOf(values: RangeValues, nowMs: number): { from: number; to: number; stepMinutes: number } {
  const stepMinutes = Number(values.step ?? "60") / 60;
  const stepNano = BigInt(stepMinutes) * minuteNano;
  const to = values.to ?? BigInt(nowMs) * 1_000_000n;
  const from = values.from ?? to - 60n * minuteNano;
  return {
    from: Number(from / stepNano) * stepMinutes,
    to: Number((to + stepNano - 1n) / stepNano) * stepMinutes,
    stepMinutes,
  };
}

function timeOf(minute: number): string {
  return new Date(minute * 60_000).toISOString();
}
