/** Laws 2 to 5 against SIGKILL of processors in the distributed shape, judged by the answers of a clean standalone run on the same spans. */
import { afterEach, expect, test } from "vitest";
import { createWorkload } from "../bench/workload.ts";
import { type DistributedFixture, startDistributedFixture } from "../e2e/distributed-fixture.ts";
import { sendAll } from "../e2e/sender.ts";
import { eventually } from "../e2e/service-process.ts";
import { startStandaloneFixture } from "../e2e/standalone-fixture.ts";
import { eventIdsOf } from "./oracle.ts";
import { settledClean, settledLike } from "./settled.ts";

const spanCount = 20_000;
const range = { from: "2026-05-04T09:00:00Z", to: "2026-05-04T10:00:00Z" };

let distributed: DistributedFixture | undefined;
afterEach(async () => {
  await distributed?.close();
  distributed = undefined;
});

test("processors killed in the middle of a load lose nothing, double nothing, and both shapes say the same", async () => {
  const workload = createWorkload({ seed: 8, spanCount, startMs: Date.UTC(2026, 4, 4, 9) });
  const bodies = [...workload.requests(100)];
  const expected = { traceCount: workload.traceIds.length, range, withinMs: 90_000 };

  const standalone = await startStandaloneFixture();
  await sendAll(standalone.httpUrl, bodies, { concurrency: 8, withinMs: 60_000 });
  const clean = await settledClean(standalone, expected);
  await standalone.close();

  distributed = await startDistributedFixture();
  const { processors, httpUrl, apiKey } = distributed;
  let acknowledged = 0;
  const sending = sendAll(httpUrl, bodies, {
    concurrency: 8,
    withinMs: 90_000,
    apiKey,
    onAcknowledged: () => {
      acknowledged += 1;
    },
  });
  for (const [share, processor] of [
    [0.3, processors[0]],
    [0.6, processors[1]],
  ] as const) {
    await eventually(() => acknowledged >= bodies.length * share, { withinMs: 60_000, what: `${share} acknowledged` });
    await processor?.current().kill();
    await processor?.restart();
  }
  await sending;
  const answers = await settledLike(distributed, clean, expected);

  const ids = eventIdsOf(answers);
  expect(new Set(ids).size).toBe(ids.length);
  expect(answers).toEqual(clean);
});
