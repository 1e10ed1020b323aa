/**
 * Every Redis key, built here. Each begins with the project (law 7), which holds no colon, so no key of one project is a key of another.
 *
 *     project:trace:<32 hex digits>                       tree of a trace                    versioned value
 *     project:window:<window seconds>:<start seconds>     a rolling metric window            versioned value
 *     project:window-floor                                windows older than this are void   versioned value
 *     project:live                                        the live feed                      stream
 */
import { PipelineError } from "./errors.ts";

/** 32 lower-case hex digits. */
export function isTraceId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** @throws PipelineError `INTERNAL` when `traceId` is none; so do the others for what they are given. */
export function traceKey(projectId: string, traceId: string): string {
  if (!isTraceId(traceId)) throw new PipelineError("INTERNAL", `not a trace id: ${traceId}`);
  return `${projectPart(projectId)}:trace:${traceId}`;
}

/** @param windowSeconds width. @param windowStartSeconds seconds since 1970. */
export function windowKey(projectId: string, windowSeconds: number, windowStartSeconds: number): string {
  if (!Number.isSafeInteger(windowSeconds) || !Number.isSafeInteger(windowStartSeconds)) {
    throw new PipelineError("INTERNAL", `not a window: ${windowSeconds} s from ${windowStartSeconds}`);
  }
  return `${projectPart(projectId)}:window:${windowSeconds}:${windowStartSeconds}`;
}

export function windowFloorKey(projectId: string): string {
  return `${projectPart(projectId)}:window-floor`;
}

export function liveFeedKey(projectId: string): string {
  return `${projectPart(projectId)}:live`;
}

function projectPart(projectId: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(projectId)) throw new PipelineError("INTERNAL", `not a project id: ${projectId}`);
  return projectId;
}
