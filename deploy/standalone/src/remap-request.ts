/** What is to be mapped again, as the command line says it to a running standalone. */
import { type RemapRequest, remapReasons } from "./remap-traces.ts";

/** On the admin port. */
export const remapPath = "/remap";

export function queryOf({ reason, projectId, all, after }: RemapRequest): URLSearchParams {
  return new URLSearchParams({
    ...(reason === undefined ? {} : { reason }),
    ...(projectId === undefined ? {} : { project: projectId }),
    ...(all ? { all: "true" } : {}),
    ...(after === undefined ? {} : { after }),
  });
}

export function remapRequestOf(query: URLSearchParams): RemapRequest {
  const projectId = query.get("project");
  const after = query.get("after");
  const reason = remapReasons.find((each) => each === query.get("reason"));
  return {
    all: query.get("all") === "true",
    ...(reason === undefined ? {} : { reason }),
    ...(projectId === null ? {} : { projectId }),
    ...(after === null ? {} : { after }),
  };
}
