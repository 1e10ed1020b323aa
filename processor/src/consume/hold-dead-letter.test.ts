import type { OfferedToQuarantine } from "@nonet/proto/control/quarantine-writer.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { expect, test } from "vitest";
import { holdDeadLetter } from "./hold-dead-letter.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";

function offered(key: Uint8Array, reason: string): OfferedToQuarantine[] {
  const entries: OfferedToQuarantine[] = [];
  const writer = {
    offer(entry: OfferedToQuarantine) {
      entries.push(entry);
      return true;
    },
  };
  const record = { partition: 3, offset: 17n, key, value: Buffer.from([1, 2]), timestampMs: 5 };
  holdDeadLetter(writer, record, { reason, topic: "agent-events", atMs: 9 });
  return entries;
}

test("a dead letter goes to the project of its key, with the code as its reason", () => {
  expect(offered(partitionKey("shop", traceId), "[STORE_REJECTED] ClickHouse 53:\ntype mismatch")).toMatchObject([
    {
      projectId: "shop",
      kind: "dead_letter",
      reason: "store_rejected",
      detail: "ClickHouse 53:\ntype mismatch",
      traceId,
      form: "agent_record",
      source: "agent-events/3/17",
      bytes: Buffer.from([1, 2]),
    },
  ]);
  expect(offered(partitionKey("shop", traceId), "no code")).toMatchObject([{ reason: "internal", detail: "no code" }]);
});

test("a key that names no project is nobody's", () => {
  expect(offered(Buffer.from("noise"), "[INTERNAL] x")).toEqual([]);
  expect(offered(Buffer.alloc(40), "[INTERNAL] x")).toEqual([]);
  expect(offered(Buffer.alloc(0), "[INTERNAL] x")).toEqual([]);
});
