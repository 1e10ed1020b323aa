/** Every number of the analysis. A body shows those in force. Source: session-traces.md 8.2 to 8.5. */
export interface Thresholds {
  readonly "slow.z": number;
  readonly "slow.zHigh": number;
  readonly "slow.minExcessMs": number;
  readonly "slow.minRatio": number;
  readonly "slow.highRatio": number;
  readonly "slow.minSamples": number;
  readonly "slow.maxSamples": number;
  readonly "slow.windowDays": number;
  readonly "slow.madFloor": number;
  readonly "slow.absolute.llm_call": number;
  readonly "slow.absolute.tool_call": number;
  readonly "slow.absolute.guardrail_eval": number;
  readonly "slow.absolute.agent": number;
  readonly "slow.explainedRatio": number;
  readonly "errors.highCount": number;
  readonly "pingPong.min": number;
  readonly "pingPong.high": number;
  readonly "cycle.minWalks": number;
  readonly "cycle.highWalks": number;
  readonly "repeat.min": number;
  readonly "repeat.high": number;
  readonly "retryStorm.min": number;
  readonly "loop.minRepetitions": number;
  readonly "loop.highRepetitions": number;
  readonly "loop.maxPeriod": number;
  readonly "parallel.minSavingMs": number;
  readonly "parallelGuardrail.minSavingMs": number;
  readonly "prefix.minTokens": number;
  readonly "prefix.maxAgeSeconds": number;
  readonly "toolResult.minTokens": number;
  readonly "toolResult.minShare": number;
  readonly "unusedTools.minTokens": number;
  readonly "severity.highMs": number;
  readonly "severity.mediumMs": number;
  readonly "severity.highTokens": number;
  readonly "severity.mediumTokens": number;
}

export const defaultThresholds: Thresholds = {
  "slow.z": 3.5,
  "slow.zHigh": 7,
  "slow.minExcessMs": 100,
  "slow.minRatio": 1.5,
  "slow.highRatio": 5,
  "slow.minSamples": 20,
  "slow.maxSamples": 10_000,
  "slow.windowDays": 7,
  "slow.madFloor": 0.05,
  "slow.absolute.llm_call": 10_000,
  "slow.absolute.tool_call": 5_000,
  "slow.absolute.guardrail_eval": 1_000,
  "slow.absolute.agent": 60_000,
  "slow.explainedRatio": 0.5,
  "errors.highCount": 5,
  "pingPong.min": 3,
  "pingPong.high": 5,
  "cycle.minWalks": 2,
  "cycle.highWalks": 3,
  "repeat.min": 3,
  "repeat.high": 5,
  "retryStorm.min": 3,
  "loop.minRepetitions": 3,
  "loop.highRepetitions": 5,
  "loop.maxPeriod": 8,
  "parallel.minSavingMs": 200,
  "parallelGuardrail.minSavingMs": 50,
  "prefix.minTokens": 1024,
  "prefix.maxAgeSeconds": 300,
  "toolResult.minTokens": 2000,
  "toolResult.minShare": 0.4,
  "unusedTools.minTokens": 500,
  "severity.highMs": 5000,
  "severity.mediumMs": 300,
  "severity.highTokens": 50_000,
  "severity.mediumTokens": 5000,
};
