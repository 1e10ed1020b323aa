/** What the middlewares of one request leave for each other, kept in `response.locals`. */
import type { Credential } from "@nonet/proto/control/credentials.ts";
import type { Response } from "express";

export interface RequestState {
  readonly requestId: string;
  readonly startMs: number;
  credential: Credential | undefined;
  /** The operation that answers, for metrics and logs. */
  route: string;
}

export function setRequestState(response: Response, state: RequestState): void {
  response.locals.state = state;
}

export function requestState(response: Response): RequestState {
  // `as`: the first middleware sets it for every request.
  return response.locals.state as RequestState;
}
