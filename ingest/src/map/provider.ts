/** Event mapping 2.7: names of providers as the GenAI convention has them; names of frameworks are no providers. */

const frameworks: ReadonlySet<string> = new Set([
  "langchain",
  "langgraph",
  "strands-agents",
  "openai_agents",
  "crewai",
  "autogen",
  "pydantic-ai",
  "agno",
  "llamaindex",
  "llama_index",
  "haystack",
  "mcp",
  "unknown",
  "microsoft.agent_framework",
  "vercel",
  "smolagents",
  "gcp.vertex.agent",
  "gcp_vertex_agent",
  "mastra",
  "claude_code",
  "claude-code",
  "dspy",
]);

const renamed: ReadonlyMap<string, string> = new Map([
  ["vertex_ai", "gcp.vertex_ai"],
  ["google_vertexai", "gcp.vertex_ai"],
  ["gemini", "gcp.gemini"],
  ["google", "gcp.gemini"],
  ["google_genai", "gcp.gemini"],
  ["az.ai.inference", "azure.ai.inference"],
  ["az.ai.openai", "azure.ai.openai"],
  ["azure", "azure.ai.openai"],
  ["xai", "x_ai"],
  ["aws", "aws.bedrock"],
  ["bedrock", "aws.bedrock"],
  ["amazon_bedrock", "aws.bedrock"],
  ["mistral", "mistral_ai"],
  ["mistralai", "mistral_ai"],
  ["claude", "anthropic"],
]);

/** The AI SDK's `provider.endpoint` names. */
const vercelPrefixes: readonly (readonly [prefix: string, provider: string])[] = [
  ["openai.", "openai"],
  ["anthropic.", "anthropic"],
  ["google.generative-ai", "gcp.gemini"],
  ["google.vertex", "gcp.vertex_ai"],
  ["amazon-bedrock", "aws.bedrock"],
  ["azure-openai", "azure.ai.openai"],
];
const vercelEndings = [".chat", ".messages", ".responses"] as const;

/** @returns undefined for a framework. */
export function normaliseProvider(text: string): string | undefined {
  const name = text.trim().toLowerCase();
  if (name === "" || frameworks.has(name)) return undefined;
  const known = renamed.get(name);
  if (known !== undefined) return known;
  for (const [prefix, provider] of vercelPrefixes) if (name.startsWith(prefix)) return provider;
  for (const ending of vercelEndings) {
    if (name.endsWith(ending)) {
      const stem = name.slice(0, -ending.length);
      return renamed.get(stem) ?? (frameworks.has(stem) ? undefined : stem);
    }
  }
  return name;
}
