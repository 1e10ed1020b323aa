/** The operations of this API. Source: tenant-traces.md. */
import type { Operation } from "../http/operation.ts";
import { type DetailDeps, traceDetailOperation } from "./detail-operation.ts";
import { traceListOperation } from "./list-operation.ts";

export const tenantTracesBasePath = "/tenants/:tenantId/traces";

export function tenantTraceOperations(deps: DetailDeps): Operation[] {
  return [traceListOperation(deps), traceDetailOperation(deps)];
}
