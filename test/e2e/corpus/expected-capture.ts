/**
 * What `expected.json` beside a capture states. It is made from the truth that the model server and the tools counted, never from what the
 * mapper gives, and holds exactly what the spans carry. A member that is absent is not demanded; `unrecoverable` says why.
 */
import { readFileSync } from "node:fs";
import type { Json } from "@nonet/proto/json.ts";
import { capturePath } from "./read-capture.ts";

export interface ExpectedLlmCall {
  readonly operation?: string;
  /** The one model that is named, where nothing says whether it was asked for or answered. */
  readonly model?: string;
  readonly requestModel?: string;
  readonly responseModel?: string;
  readonly responseId?: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cachedInputTokens?: number;
  readonly reasoningTokens?: number;
  /** In OpenAI's words. */
  readonly finishReason?: string;
  /** Names of the tools the model asked for; an empty list: none. */
  readonly toolCallsAsked?: readonly string[];
  readonly askedArguments?: readonly Json[];
  /** The text of the answer. */
  readonly text?: string;
  readonly status?: "error";
  /** So many spans report this one call. It counts once. */
  readonly copies?: number;
}

export interface ExpectedToolCall {
  readonly name: string;
  readonly arguments?: Json;
  readonly result?: Json;
  readonly isError?: boolean;
  /** Contained in the message. */
  readonly errorMessage?: string;
  readonly callId?: string;
  /** Ended by an interrupt: a call without a result, and no error. */
  readonly paused?: boolean;
}

export interface ExpectedCapture {
  /** In order of their start. */
  readonly llmCalls: readonly ExpectedLlmCall[];
  readonly toolCalls: readonly ExpectedToolCall[];
  /** Tools of the framework itself (`final_answer`, `transfer_to_agent`, ...): spans that truth does not count. */
  readonly frameworkTools?: readonly string[];
  readonly retrievals?: readonly string[];
  readonly handoffs: readonly { readonly from?: string; readonly to: string }[];
  readonly guardrails: readonly { readonly name: string; readonly result?: string }[];
  /** Failures, each once: neither handled nor copies of another. */
  readonly errors: readonly { readonly type?: string; readonly message?: string }[];
  /** Texts of the `response` events in order; null: not demanded. */
  readonly finalAnswers: readonly Json[] | null;
  /** Empty: no span names a session, so each trace stands for itself. */
  readonly sessionIds: readonly string[];
  readonly userIds?: readonly string[];
  /** Routing decisions, all of them, in order. */
  readonly routes?: readonly { readonly source?: string; readonly selected?: readonly string[] }[];
  readonly interrupts?: number;
  readonly unrecoverable: readonly { readonly field: string; readonly why: string }[];
  /** Where truth and what a user should see differ for a reason. */
  readonly notes?: readonly { readonly field: string; readonly why: string }[];
}

export function readExpected(name: string): ExpectedCapture {
  return JSON.parse(readFileSync(capturePath(name, "expected.json"), "utf8")) as ExpectedCapture;
}
