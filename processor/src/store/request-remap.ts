/** Has the owners of traces map them again by a command in the log (law 4): every row of a trace is then written anew. */
import type { ClickHouseClient } from "@clickhouse/client";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { Refold } from "@nonet/proto/record-codec.ts";
import { mappingVersion } from "@nonet/proto/versions.ts";

export interface RequestRemapDeps {
  readonly client: ClickHouseClient;
  publish(commands: readonly Refold[]): Promise<void>;
  now(): number;
}

interface StampedTrace {
  readonly trace_id: string;
  readonly tenant_id: string;
  readonly price_version: string;
  readonly settings_version: number;
}

/** Prices and settings stay those of the receipt. @throws PipelineError `STORE_UNAVAILABLE`, `LOG_UNAVAILABLE`. */
export async function requestRemap(
  projectId: string,
  traceIds: readonly string[],
  deps: RequestRemapDeps,
): Promise<void> {
  let traces: StampedTrace[];
  try {
    const answer = await deps.client.query({
      query: `SELECT trace_id, tenant_id, price_version, settings_version FROM traces FINAL
              WHERE project_id = {project:String} AND trace_id IN {traces:Array(String)}`,
      query_params: { project: projectId, traces: traceIds },
      format: "JSONEachRow",
    });
    traces = await answer.json<StampedTrace>();
  } catch (caught) {
    throw PipelineError.from(caught, "STORE_UNAVAILABLE");
  }
  const issuedUnixNano = BigInt(deps.now()) * 1_000_000n;
  await deps.publish(
    traces.map((trace) => ({
      kind: "refold",
      tenantId: trace.tenant_id,
      projectId,
      traceId: trace.trace_id,
      reason: "remap",
      mappingVersion,
      priceVersion: trace.price_version,
      settingsVersion: trace.settings_version,
      issuedUnixNano,
      callKeys: [],
    })),
  );
}
