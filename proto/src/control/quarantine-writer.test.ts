import { expect, test, vi } from "vitest";
import { PipelineError } from "../errors.ts";
import type { NewQuarantined } from "./quarantine.ts";
import { createQuarantineWriter, type OfferedToQuarantine } from "./quarantine-writer.ts";

const settings = {
  NONET_QUARANTINE_ENTRIES_MAX: 10,
  NONET_QUARANTINE_BYTES_MAX: 1_048_576,
  NONET_QUARANTINE_ENTRY_BYTES_MAX: 1_024,
  NONET_QUARANTINE_DAYS: 1,
};

const entry: OfferedToQuarantine = {
  projectId: "default",
  kind: "rejected_span",
  reason: "no_ids",
  detail: "",
  traceId: "",
  spanId: "",
  form: "otlp_request",
  bytes: Buffer.alloc(10),
  key: Buffer.alloc(0),
  source: undefined,
  receiptId: undefined,
  atMs: 0,
};

function openWriter(add: (entries: readonly NewQuarantined[]) => Promise<number>) {
  const dropped: Record<string, number> = {};
  const onError = vi.fn();
  const writer = createQuarantineWriter(settings, {
    store: { add },
    onHeld: () => undefined,
    onDropped(cause, count) {
      dropped[cause] = (dropped[cause] ?? 0) + count;
    },
    onError,
  });
  return { writer, dropped, onError };
}

test("writes a copy of what was offered, cut at the limit of an entry", async () => {
  const written: NewQuarantined[] = [];
  const { writer } = openWriter(async (entries) => {
    written.push(...entries);
    return 0;
  });
  const bytes = Buffer.alloc(2_000, 1);
  expect(writer.offer({ ...entry, bytes })).toBe(true);
  bytes.fill(2);
  await writer.close();
  expect(written).toMatchObject([{ size: 2_000, bytes: Buffer.alloc(1_024, 1) }]);
});

test("never makes the caller wait while the database hangs: what does not fit is dropped and counted", async () => {
  const { writer, dropped } = openWriter(() => new Promise(() => undefined));
  const taken = Array.from({ length: 6_000 }, () => writer.offer(entry)).filter(Boolean);
  expect(taken).toHaveLength(5_000);
  writer.drop(7);
  expect(dropped).toEqual({ no_room: 1_007 });
  await writer.close();
  expect(dropped).toEqual({ no_room: 1_007, unwritten: 5_000 });
});

test("tries again after a failure, tells of it once, and counts what newer entries pushed out", async () => {
  let failures = 1;
  const written: NewQuarantined[] = [];
  const { writer, dropped, onError } = openWriter(async (entries) => {
    if (failures-- > 0) throw new PipelineError("CONTROL_UNAVAILABLE", "away");
    written.push(...entries);
    return 2;
  });
  writer.offer(entry);
  writer.offer(entry);
  await vi.waitFor(() => expect(written).toHaveLength(2), { timeout: 5_000 });
  expect(onError).toHaveBeenCalledTimes(1);
  expect(dropped).toEqual({ evicted: 2 });
});

test("writes in batches that are bounded", async () => {
  const sizes: number[] = [];
  const { writer } = openWriter(async (entries) => {
    sizes.push(entries.length);
    return 0;
  });
  for (let n = 0; n < 500; n++) writer.offer(entry);
  await writer.close();
  expect(sizes).toEqual([200, 200, 100]);
});
