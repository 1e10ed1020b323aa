/** What is to be mapped again, as the command line says it to a running standalone. */
import type { RemapRequest } from "./remap-traces.ts";

/** On the admin port. */
export const remapPath = "/remap";

export function queryOf({ projectId, all, after }: RemapRequest): URLSearchParams {
  return new URLSearchParams({
    ...(projectId === undefined ? {} : { project: projectId }),
    ...(all ? { all: "true" } : {}),
    ...(after === undefined ? {} : { after }),
  });
}

export function remapRequestOf(query: URLSearchParams): RemapRequest {
  const projectId = query.get("project");
  const after = query.get("after");
  return {
    all: query.get("all") === "true",
    ...(projectId === null ? {} : { projectId }),
    ...(after === null ? {} : { after }),
  };
}
