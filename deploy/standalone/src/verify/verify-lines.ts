/** What the verifier says, one value at a time. */

export type VerifyStep = "traces" | "keys" | "metrics" | "sessions" | "offsets";

export interface Difference {
  readonly kind: "difference";
  readonly step: VerifyStep;
  /** What it is about: `project/trace`, `project/session`, a window, a partition. */
  readonly where: string;
  readonly what: string;
}

export interface VerifyProgress {
  readonly kind: "progress";
  readonly step: VerifyStep;
  readonly done: number;
  readonly total: number;
}

export interface VerifySummary {
  readonly kind: "summary";
  readonly traces: number;
  readonly spans: number;
  readonly events: number;
  readonly sessions: number;
  readonly differences: number;
  /** Traces of older mapping versions, which were not compared: `nonet remap` brings them along. */
  readonly olderTraces: number;
}

export type VerifyLine = Difference | VerifyProgress | VerifySummary;

/** More of one step are counted and not told. */
export const differencesToldMax = 100;
