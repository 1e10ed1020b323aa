/** One trace of 10,000 spans: until it is whole, and fetching it. */
import { eventually } from "../../e2e/service-process.ts";
import { startStandaloneFixture } from "../../e2e/standalone-fixture.ts";
import { type Figure, observed, percentile } from "../figure.ts";
import { sendLoad } from "../send-load.ts";
import { largeTrace, type Shape } from "../shapes.ts";
import { warmUp } from "./queryable.ts";

const spanCount = 10_000;

export async function measureLargeTrace(): Promise<Figure[]> {
  const fixture = await startStandaloneFixture();
  try {
    await warmUp(fixture);
    const shape = largeTrace(5, spanCount, Date.now());
    const started = performance.now();
    await sendLoad(fixture, shape.requests, { inFlight: 4 });
    const acked = performance.now();
    await eventually(async () => (await eventCountOf(fixture, shape)) >= (spanCount - 1) * 2, {
      withinMs: 120_000,
      everyMs: 50,
      what: "the trace is whole",
    });
    const whole = performance.now();
    const treeMs: number[] = [];
    const pageMs: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      treeMs.push(await timeOf(fixture, `/api/projects/default/sessions/${shape.sessionId}/traces?view=tree`));
      pageMs.push(await timeOf(fixture, `/api/projects/default/sessions/${shape.sessionId}/traces`));
    }
    return [
      observed("large-trace", "until acknowledged", acked - started, "ms"),
      observed("large-trace", "until whole", whole - started, "ms"),
      observed("large-trace", "fetched as a tree, p50", percentile(treeMs, 0.5), "ms"),
      observed("large-trace", "first page of its events, p50", percentile(pageMs, 0.5), "ms"),
    ];
  } finally {
    await fixture.close();
  }
}

type Fixture = Awaited<ReturnType<typeof startStandaloneFixture>>;

async function eventCountOf(fixture: Fixture, shape: Shape): Promise<number> {
  const { body } = await fixture.get(`/api/projects/default/sessions/${shape.sessionId}`);
  return (body as { eventCount?: number }).eventCount ?? 0;
}

async function timeOf(fixture: Fixture, path: string): Promise<number> {
  const started = performance.now();
  const { status } = await fixture.get(path);
  if (status !== 200) throw new Error(`${path} answered ${status}`);
  return performance.now() - started;
}
