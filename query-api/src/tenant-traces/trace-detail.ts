/** The body of the detail, member by member but for `events`, which are written one by one. Source: tenant-traces.md section 4. */
import type { Json, JsonObject } from "@nonet/proto/json.ts";
import type { TraceStatus } from "./trace-status.ts";

export interface ToolCall {
  id: string;
  name: string;
  args: JsonObject;
}

export interface TraceMessage {
  role: string;
  content: string;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  name?: string;
  parts?: JsonObject[];
}

export interface TraceOutput {
  message: string | null;
  success: boolean | null;
  toolCalls?: ToolCall[];
  finishReason?: string;
}

export interface Tool {
  name: string;
  description: string | null;
  parameters: Json;
  metadata: JsonObject;
}

/** `model` and `provider`, then the parameters that were reported. */
export type ModelConfig = { model: string | null; provider: string | null } & JsonObject;

export interface TraceDetail {
  traceId: string;
  promptName: string;
  messages: TraceMessage[];
  output: TraceOutput;
  inputTokens: number | null;
  outputTokens: number | null;
  totalTokens: number | null;
  cost: number | null;
  costCurrency: "USD";
  duration: number;
  modelConfig: ModelConfig | null;
  tools: Tool[];
  toolChoice: string | null;
  status: TraceStatus;
  tags: string[];
  metadata: JsonObject;
  createdAt: string;
  timestamp: number;
  error: { type: string; message: string | null } | null;
  usage: {
    calls: number;
    callsMissingUsage: number;
    unpricedCalls: number;
    cacheReadInputTokens: number | null;
    cacheCreationInputTokens: number | null;
    reasoningOutputTokens: number | null;
  };
  contentWithheld?: true;
  contentTruncated?: true;
}
