/** The tools that the calls of a thread offered. Source: tenant-traces.md 5.5. */
import type { LlmCallEvent, ToolDefinition } from "@nonet/proto/event.ts";
import type { JsonObject } from "@nonet/proto/json.ts";
import type { Tool } from "./trace-detail.ts";

/** By name, in the order of first appearance; of several definitions the latest. */
export function toolsOf(thread: readonly LlmCallEvent[]): Tool[] {
  const tools = new Map<string, Tool>();
  for (const { toolDefinitions } of thread) {
    // A list over the limits of the mapping is its text, cut.
    if (!Array.isArray(toolDefinitions)) continue;
    for (const definition of toolDefinitions) tools.set(definition.name, toTool(definition));
  }
  return [...tools.values()];
}

function toTool({ name, description, parameters, ...others }: ToolDefinition): Tool {
  const metadata: JsonObject = Object.create(null);
  for (const [key, value] of Object.entries(others)) {
    if (value !== undefined && !(key === "type" && value === "function")) metadata[key] = value;
  }
  return { name, description: description ?? null, parameters: parameters ?? null, metadata };
}
