/** In whose words a span speaks, told by the rule that classified it (ingest/src/map/dialects). */
const dialects: ReadonlyMap<string, string> = new Map([
  ["OI", "OpenInference"],
  ["TRACELOOP", "OpenLLMetry (Traceloop)"],
  ["GENAI", "OpenTelemetry GenAI"],
  ["FALLBACK", "OpenTelemetry GenAI"],
  ["STATE", "OpenTelemetry GenAI"],
  ["MCP", "Model Context Protocol"],
  ["VERCEL", "Vercel AI SDK"],
  ["LANGFUSE", "Langfuse"],
  ["LANGSMITH", "LangSmith"],
  ["MLFLOW", "MLflow"],
  ["AGENTOPS", "AgentOps"],
  ["LAMINAR", "Laminar"],
  ["CLAUDE", "Claude Code"],
  ["CODEX", "Codex"],
  ["HAYSTACK", "Haystack"],
  ["MASTRA", "Mastra"],
  ["LOGFIRE", "Logfire"],
  ["PYDANTIC", "Pydantic AI"],
  ["ADK", "Agent Development Kit"],
  ["LIVEKIT", "LiveKit Agents"],
  ["MAF", "Microsoft Agent Framework"],
]);

/** @returns undefined for rules that hold in several dialects, and for spans that are no agent's. */
export function dialectOfRule(ruleId: string): string | undefined {
  return dialects.get(ruleId.split("-", 1)[0] ?? "");
}
