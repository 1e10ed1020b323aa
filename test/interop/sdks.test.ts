/** SDKs of two languages and a page in a browser, for real, with a restart of the receiver in the middle: otlp-receiver.md section 10 in small. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSessionEvents } from "./read-events.ts";
import { compare, type SendOptions, type Sent, sendThroughRestart } from "./run-cell.ts";
import { type BrowserSender, startBrowserSender } from "./senders/browser-sender.ts";
import { jsSender, pythonSender, rawSender } from "./senders/sender.ts";
import { hasOwnEvent, plannedSessionIds } from "./span-plan.ts";
import { type InteropReceiver, startStandaloneReceiver } from "./standalone-receiver.ts";

const spanCount = 1_000;
/**
 * The SDK that gives up first tries five times within 11 to 15 s, then drops its batch. A restart takes a second or two; on a machine so busy that
 * it takes longer than this, a sender may have given spans up, and no promise is broken.
 */
const patienceMs = 9_000;

let browser: BrowserSender;
let receiver: InteropReceiver;
const sentByName = new Map<string, Sent>();

beforeAll(async () => {
  browser = await startBrowserSender();
  receiver = await startStandaloneReceiver({
    NONET_OTLP_CORS_ORIGINS: browser.origin,
    NONET_OTLP_CORS_HEADERS: "authorization",
  });
});

afterAll(async () => {
  await receiver?.close();
  await browser?.close();
});

const browserSender: SendOptions["send"] = (task) => browser.send(task);

const cells: readonly (readonly [string, Pick<SendOptions, "send" | "protocol" | "compression" | "restart">])[] = [
  ["JS SDK, gRPC", { send: jsSender, protocol: "grpc", compression: "none", restart: "SIGKILL" }],
  ["JS SDK, protobuf gzip", { send: jsSender, protocol: "http/protobuf", compression: "gzip", restart: "SIGTERM" }],
  ["Python SDK, gRPC gzip", { send: pythonSender, protocol: "grpc", compression: "gzip", restart: "SIGTERM" }],
  ["Python SDK, protobuf", { send: pythonSender, protocol: "http/protobuf", compression: "none", restart: "SIGKILL" }],
  ["browser, JSON", { send: browserSender, protocol: "http/json", compression: "none", restart: "SIGKILL" }],
  ["raw client, gRPC gzip", { send: rawSender, protocol: "grpc", compression: "gzip", restart: "SIGTERM" }],
];

test.each(cells)("%s: what is sent is acknowledged although the receiver restarts", async (name, cell) => {
  const sent = await sendThroughRestart(receiver, {
    ...cell,
    spanCount,
    pauseMs: 10,
    behindLoadBalancer: false,
    hasOwnIds: false,
  });
  sentByName.set(name, sent);
  expect(sent.acknowledged.size + sent.failed.size).toBe(spanCount);
  if (sent.awayMs < patienceMs) expect(sent.reason).toBe("");
});

test("the API shows an event once for each model call and tool that was acknowledged", async () => {
  for (const [name, sent] of sentByName) {
    if (name.startsWith("raw client")) continue;
    const expected = [...sent.acknowledged].filter(hasOwnEvent);
    const events = await readSessionEvents(receiver.shape, plannedSessionIds(sent.plan));
    const shown = events.map(({ spanId }) => spanId);
    expect({ name, repeated: shown.length - new Set(shown).size }).toEqual({ name, repeated: 0 });
    expect({ name, missing: expected.filter((id) => !shown.includes(id)) }).toEqual({ name, missing: [] });
  }
});

test("the store has what was acknowledged, each once", async () => {
  const stored = await receiver.stored();
  for (const [name, sent] of sentByName) {
    const { lost, doubled, givenUp } = compare(sent, stored);
    expect({ name, lost, doubled, givenUp }).toEqual({ name, lost: 0, doubled: 0, givenUp });
    if (sent.failed.size === 0) expect({ name, givenUp }).toEqual({ name, givenUp: 0 });
  }
});
