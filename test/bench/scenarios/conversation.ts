/** A conversation of 50 turns, each of whose calls repeats all messages before it: what is stored against what was received. */
import { eventually } from "../../e2e/service-process.ts";
import { startStandaloneFixture } from "../../e2e/standalone-fixture.ts";
import { cost, type Figure, rate } from "../figure.ts";
import { sendLoad } from "../send-load.ts";
import { longConversation } from "../shapes.ts";
import { settledBytes } from "./stored-bytes.ts";

const conversations = 20;
const turns = 50;

export async function measureConversation(): Promise<Figure[]> {
  const fixture = await startStandaloneFixture();
  let received = 0;
  try {
    for (let seed = 1; seed <= conversations; seed += 1) {
      const shape = longConversation(seed, turns, Date.now() - 3_600_000);
      received += shape.requests.reduce((sum, each) => sum + each.length, 0);
      await sendLoad(fixture, shape.requests, { inFlight: 4 });
      await eventually(
        async () => {
          const { body } = await fixture.get(`/api/projects/default/sessions/${shape.sessionId}`);
          return (body as { turnCount?: number }).turnCount === turns;
        },
        { withinMs: 60_000, everyMs: 100, what: "the conversation is whole" },
      );
    }
    await fixture.stop();
    const { bytes } = await settledBytes(fixture.dataDirectory);
    return [
      cost("conversation", "received", received / (conversations * turns), "bytes/turn"),
      cost("conversation", "stored, merged", bytes / (conversations * turns), "bytes/turn"),
      rate("conversation", "received against stored", received / bytes, "times", 20),
    ];
  } finally {
    await fixture.close();
  }
}
