/** Laws 1, 2, 3 and 5 against SIGKILL of standalone in the middle of a load with a retrying sender. */
import { afterEach, expect, test } from "vitest";
import { createWorkload } from "../bench/workload.ts";
import { sendAll } from "../e2e/sender.ts";
import { eventually } from "../e2e/service-process.ts";
import { type StandaloneFixture, startStandaloneFixture } from "../e2e/standalone-fixture.ts";
import { eventIdsOf } from "./oracle.ts";
import { settledClean, settledLike } from "./settled.ts";

const spanCount = 20_000;
const startMs = Date.UTC(2026, 4, 4, 9);
const range = { from: "2026-05-04T09:00:00Z", to: "2026-05-04T10:00:00Z" };

let fixture: StandaloneFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

test("every acknowledged span is there once after kill -9 in the middle of a load, and answers equal those of a clean run", async () => {
  const workload = createWorkload({ seed: 7, spanCount, startMs });
  const bodies = [...workload.requests(100)];
  const expected = { traceCount: workload.traceIds.length, range, withinMs: 90_000 };

  fixture = await startStandaloneFixture();
  await sendAll(fixture.httpUrl, bodies, { concurrency: 8, withinMs: 120_000 });
  const clean = await settledClean(fixture, expected);
  await fixture.close();

  fixture = await startStandaloneFixture();
  const killed = fixture;
  let acknowledged = 0;
  const sending = sendAll(killed.httpUrl, bodies, {
    concurrency: 8,
    withinMs: 120_000,
    onAcknowledged: () => {
      acknowledged += 1;
    },
  });
  for (const share of [0.2, 0.5, 0.8]) {
    await eventually(() => acknowledged >= bodies.length * share, { withinMs: 60_000, what: `${share} acknowledged` });
    await killed.process().kill();
    await killed.restart();
  }
  await sending;
  const answers = await settledLike(killed, clean, expected);

  const ids = eventIdsOf(answers);
  expect(new Set(ids).size).toBe(ids.length);
  expect(answers).toEqual(clean);
});
