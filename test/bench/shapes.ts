/** Two shapes that the canonical workload lacks: one trace of very many spans, and a long conversation whose history repeats. */
import { encodeRequest, mulberry32, randomBytes, toAttributes, words } from "./workload.ts";

export interface Shape {
  readonly sessionId: string;
  readonly traceIds: readonly string[];
  readonly spanCount: number;
  readonly requests: readonly Uint8Array[];
}

const spansPerRequest = 256;

/** One trace: an agent, and tools below it in the order of their start. */
export function largeTrace(seed: number, spanCount: number, startMs: number): Shape {
  const random = mulberry32(seed);
  const traceId = randomBytes(random, 16);
  const root = randomBytes(random, 8);
  const sessionId = `large-trace-${seed}`;
  const at = (ms: number) => `${BigInt(startMs + ms) * 1_000_000n}`;
  const spans: object[] = [
    {
      traceId,
      spanId: root,
      name: "invoke_agent planner",
      startTimeUnixNano: at(0),
      endTimeUnixNano: at(spanCount * 10),
      attributes: toAttributes({
        "session.id": sessionId,
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "planner",
      }),
    },
  ];
  for (let index = 1; index < spanCount; index += 1) {
    spans.push({
      traceId,
      spanId: randomBytes(random, 8),
      parentSpanId: root,
      name: "execute_tool search",
      startTimeUnixNano: at(index * 10),
      endTimeUnixNano: at(index * 10 + 8),
      attributes: toAttributes({
        "session.id": sessionId,
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.call.id": `call_${index}`,
        "gen_ai.tool.call.arguments": JSON.stringify({ query: words(random, 200) }),
        "gen_ai.tool.call.result": JSON.stringify({ detail: words(random, 800) }),
      }),
    });
  }
  return { sessionId, traceIds: [traceId.toString("hex")], spanCount, requests: cut(spans) };
}

/** Each turn a trace of its own, with a model call that is given all messages before it. */
export function longConversation(seed: number, turns: number, startMs: number): Shape {
  const random = mulberry32(seed);
  const sessionId = `conversation-${seed}`;
  const history: object[] = [message("system", "You are a careful support agent.")];
  const spans: object[] = [];
  const traceIds: string[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const traceId = randomBytes(random, 16);
    const root = randomBytes(random, 8);
    const at = (ms: number) => `${BigInt(startMs + turn * 10_000 + ms) * 1_000_000n}`;
    history.push(message("user", words(random, 900)));
    const answer = message("assistant", words(random, 1_500));
    traceIds.push(traceId.toString("hex"));
    spans.push(
      {
        traceId,
        spanId: root,
        name: "invoke_agent support",
        startTimeUnixNano: at(0),
        endTimeUnixNano: at(2_000),
        attributes: toAttributes({
          "session.id": sessionId,
          "gen_ai.operation.name": "invoke_agent",
          "gen_ai.agent.name": "support",
        }),
      },
      {
        traceId,
        spanId: randomBytes(random, 8),
        parentSpanId: root,
        name: "chat gpt-4o",
        kind: 3,
        startTimeUnixNano: at(10),
        endTimeUnixNano: at(1_990),
        attributes: toAttributes({
          "session.id": sessionId,
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": "openai",
          "gen_ai.request.model": "gpt-4o",
          "gen_ai.response.id": `chatcmpl-${randomBytes(random, 12).toString("hex")}`,
          "gen_ai.usage.input_tokens": 300 * (turn + 1),
          "gen_ai.usage.output_tokens": 300,
          "gen_ai.input.messages": JSON.stringify(history),
          "gen_ai.output.messages": JSON.stringify([{ ...answer, finish_reason: "stop" }]),
        }),
      },
    );
    history.push(answer);
  }
  return { sessionId, traceIds, spanCount: spans.length, requests: cut(spans, 2) };
}

function message(role: string, content: string): object {
  return { role, parts: [{ type: "text", content }] };
}

function cut(spans: readonly object[], size: number = spansPerRequest): Uint8Array[] {
  const requests: Uint8Array[] = [];
  for (let first = 0; first < spans.length; first += size)
    requests.push(encodeRequest(spans.slice(first, first + size)));
  return requests;
}
