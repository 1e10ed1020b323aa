import type { OwnedPosition } from "@nonet/proto/control/processed-positions.ts";
import { expect, test, vi } from "vitest";
import { createPositionReporter } from "./report-positions.ts";

function open(committed: readonly { partition: number; committed: bigint; end: bigint }[] = []) {
  const saved: OwnedPosition[][] = [];
  const test = { failures: 0 };
  const reporter = createPositionReporter(5, {
    async save(positions) {
      if (test.failures-- > 0) throw new Error("away");
      if (positions.length > 0) saved.push([...positions]);
    },
    committed: async () => committed,
    onError: () => undefined,
  });
  return { reporter, saved, test };
}

test("an assignment starts from what the group committed, so that a crash before the last note is made up for", async () => {
  const { reporter, saved } = open([
    { partition: 0, committed: 7n, end: 9n },
    { partition: 1, committed: 5n, end: 5n },
  ]);
  reporter.assigned(0, 3n);
  await vi.waitFor(() => expect(saved.flat()).toEqual([{ partition: 0, epoch: 3n, stored: 7n, queryable: 7n }]));
  await reporter.close();
});

test("tells stored and queryable apart, never goes back, and is silent about what is not ours", async () => {
  const { reporter, saved } = open([{ partition: 0, committed: 0n, end: 0n }]);
  reporter.assigned(0, 1n);
  reporter.stored(0, 4n);
  reporter.queryable(0, 2n);
  reporter.stored(0, 3n);
  reporter.stored(1, 9n);
  await vi.waitFor(() => expect(saved.at(-1)).toEqual([{ partition: 0, epoch: 1n, stored: 4n, queryable: 2n }]));
  reporter.revoked(0);
  reporter.queryable(0, 4n);
  await reporter.close();
  expect(saved.flat()).toHaveLength(1);
});

test("writes again what could not be written, and at the end what is left", async () => {
  const { reporter, saved, test } = open([{ partition: 0, committed: 0n, end: 0n }]);
  test.failures = 3;
  reporter.assigned(0, 1n);
  reporter.queryable(0, 6n);
  await vi.waitFor(() => expect(saved.at(-1)).toMatchObject([{ queryable: 6n }]));
  reporter.queryable(0, 8n);
  await reporter.close();
  expect(saved.at(-1)).toMatchObject([{ queryable: 8n }]);
});
