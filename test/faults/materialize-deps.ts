/** What `materialize` needs besides the store and what is hot, on a store of the test: of projects without settings. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createCallScopes } from "@nonet/processor/consume/call-scopes.ts";
import type { MaterializeDeps } from "@nonet/processor/consume/materialize.ts";
import { plainStamps } from "@nonet/processor/consume/testdata/plain-stamps.ts";
import { createCallReports } from "@nonet/processor/store/clickhouse/call-reports.ts";
import { createSpanDigests } from "@nonet/processor/store/clickhouse/span-digests.ts";
import type { Refold } from "@nonet/proto/record-codec.ts";

/** @param publish  takes the commands to owners of traces. */
export function createMaterializeDeps(
  client: ClickHouseClient,
  publish: (commands: readonly Refold[]) => Promise<void>,
): Pick<MaterializeDeps, "reports" | "digests" | "copies" | "stamps"> {
  const reports = createCallReports({ client });
  const scopes = createCallScopes({ leaseMs: 0 }, { reports, elapsed: () => performance.now() });
  const digests = createSpanDigests({ client });
  return { reports, digests, copies: { reports, scopes, publish, now: () => 0 }, stamps: plainStamps };
}
