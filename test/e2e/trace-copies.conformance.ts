/** One model call that two instrumentations report in traces of their own counts once, whoever owns the traces: captures of real frameworks. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { capturePath, readCapture } from "./corpus/read-capture.ts";
import { sendAll } from "./sender.ts";
import { eventually } from "./service-process.ts";
import type { ShapeUnderTest } from "./shape-under-test.ts";

interface Call {
  readonly traceId: string;
  readonly spanId: string;
  readonly type: string;
  readonly duplicateOf?: string;
  readonly data: { readonly usage: { readonly output: number | null } | null };
}

interface Session {
  readonly llmCallCount: number;
  readonly tokens: { readonly input: number | null; readonly output: number | null };
}

const captures = [
  // The vendor's SDK counts right (47 and 10), the other instrumentation one more, and has the messages.
  { name: "anthropic-traceloop/tools-stream", calls: 2, copies: 2, outputTokens: 57 },
  { name: "anthropic-traceloop/tools-stream-helper", calls: 2, copies: 2, outputTokens: 57 },
  { name: "anthropic-traceloop/tools", calls: 2, copies: 2, outputTokens: 57 },
  // Found by what was said: the calls of the agent name no response, and nobody counts a stream.
  { name: "langgraph-openinference+openai/react-stream", calls: 2, copies: 2, outputTokens: 0 },
];

export function traceCopiesConformance(shapeOf: () => ShapeUnderTest): void {
  test.each(captures)("$name: each call counts once, with the right counts", async ({ name, ...wanted }) => {
    const shape = shapeOf();
    const bodies = readdirSync(capturePath(name, ""))
      .filter((file) => file.endsWith(".pb"))
      .map((file) => readFileSync(capturePath(name, file)));
    await sendAll(shape.httpUrl, bodies, { concurrency: 1, withinMs: 15_000, apiKey: shape.apiKey });
    const traceIds = [...new Set(readCapture(name).map((span) => span.traceId))];
    const read = () => readCalls(shape, traceIds);
    const calls = await eventually(
      async () => {
        const found = await read();
        return found.filter(isCopy).length === wanted.copies && found.length === wanted.calls + wanted.copies && found;
      },
      { withinMs: 20_000, what: `${wanted.copies} copies in ${name}` },
    );
    const sessions = await Promise.all(traceIds.map((traceId) => readSessionOf(shape, traceId)));
    const sum = (read: (session: Session) => number | null) =>
      sessions.reduce((total, session) => total + (read(session) ?? 0), 0);
    expect(sum((session) => session.llmCallCount)).toBe(wanted.calls);
    expect(sum((session) => session.tokens.output)).toBe(wanted.outputTokens);

    const copy = calls.find(isCopy);
    const explained = await shape.get(
      `/api/projects/default/sessions/${copy?.traceId}/traces/${copy?.spanId}/explain?traceId=${copy?.traceId}`,
    );
    expect(explained.body).toMatchObject({
      stageB: expect.arrayContaining([expect.stringMatching(/^copy of the call in [0-9a-f]{32}\/[0-9a-f]{16}$/)]),
    });
  });
}

function isCopy(call: Call): boolean {
  return call.duplicateOf !== undefined;
}

/** None of these captures names a session: each trace is one. */
async function readCalls(shape: ShapeUnderTest, traceIds: readonly string[]): Promise<Call[]> {
  const found: Call[] = [];
  for (const traceId of traceIds) {
    const { status, body } = await shape.get(`/api/projects/default/sessions/${traceId}/traces`);
    if (status === 200) found.push(...(body as { data: Call[] }).data.filter((event) => event.type === "llm_call"));
  }
  return found;
}

async function readSessionOf(shape: ShapeUnderTest, traceId: string): Promise<Session> {
  const { status, body } = await shape.get(`/api/projects/default/sessions/${traceId}`);
  expect(status).toBe(200);
  return body as Session;
}
