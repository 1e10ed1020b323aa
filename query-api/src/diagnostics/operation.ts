/** `GET /api/projects/:projectId/diagnostics`: what senders could do better. Ours; in the style of the session traces API. */
import type { QuarantineStore } from "@nonet/proto/control/quarantine.ts";
import { jsonAnswer } from "../http/answer.ts";
import { type Operation, operation } from "../http/operation.ts";
import { rangeConflict, single, timeText } from "../http/parameters.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { findFindings } from "./findings.ts";
import {
  loadCallGroups,
  loadCopyPairs,
  loadSampledSpans,
  loadSpanGroups,
  loadUnpricedModels,
  planDiagnostics,
} from "./query.ts";
import { diagnosticsSchema } from "./response-schema.ts";
import { readSamples } from "./sample.ts";
import { toMappingVersions, toModelCalls, toScopes } from "./shape.ts";

export const diagnosticsBasePath = "/api/projects/:projectId/diagnostics";

const dayNano = 86_400_000_000_000n;

const parameters = {
  from: single(timeText, { description: "Start, inclusive, by the start of spans. Default: one day before `to`." }),
  to: single(timeText, { description: "End, exclusive. Default: now." }),
};

export function diagnosticsOperation(deps: {
  readonly reader: ClickhouseReader;
  readonly quarantine: Pick<QuarantineStore, "countByReason">;
  now(): number;
}): Operation {
  return operation({
    operationId: "getDiagnostics",
    path: "/",
    summary: "What is received, by instrumentation, and what to change in the senders",
    description:
      "Per instrumentation scope the spans by class, what is hidden or without a session, what no rule reads and what limits cut; model calls without tokens or prices; instrumentations that report each other's calls. Names of attributes only, never values.",
    pathParameters: {},
    parameters,
    scopeOf: () => "traces:read",
    conflicts: ({ from, to }) => rangeConflict(["from", "to"], from, to ?? nowNano()),
    mediaTypes: () => ["application/json"],
    responses: { "application/json": diagnosticsSchema },
    problemStatuses: [400],
    async handle({ projectId, values, mayReadContent }) {
      const to = values.to ?? nowNano();
      const from = values.from ?? (to > dayNano ? to - dayNano : 0n);
      const { reader } = deps;
      const plan = await planDiagnostics({ projectId, from, to }, reader);
      // One after the other: each may use what the limits of a read allow.
      const groups = await loadSpanGroups(plan, reader);
      const calls = await loadCallGroups(plan, reader);
      const copyPairs = calls.some(({ copies }) => copies !== "0") ? await loadCopyPairs(plan, reader) : [];
      const unpricedModels = calls.some(({ unpriced }) => unpriced !== "0")
        ? await loadUnpricedModels(plan, reader)
        : [];
      const samples = readSamples(await loadSampledSpans(groups, plan, reader));
      const diagnostics = {
        from: timeOf(from),
        to: timeOf(to),
        sampledOneIn: plan.oneIn,
        spans: groups.reduce((total, group) => total + Number(group.spans), 0),
        mappingVersions: toMappingVersions(groups),
        ...toScopes(groups, samples),
        modelCalls: toModelCalls(calls),
        quarantined: await deps.quarantine.countByReason(projectId),
      };
      const findings = findFindings({ diagnostics, copyPairs, unpricedModels });
      return jsonAnswer(JSON.stringify({ ...diagnostics, findings }), { mayReadContent });
    },
  });

  function nowNano(): bigint {
    return BigInt(deps.now()) * 1_000_000n;
  }
}

function timeOf(nano: bigint): string {
  return new Date(Number(nano / 1_000_000n)).toISOString();
}
