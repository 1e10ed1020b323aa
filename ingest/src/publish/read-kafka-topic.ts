/** For tests: everything a topic holds, with a client that shares no code path of ours. */
import { randomUUID } from "node:crypto";
import { Consumer } from "@platformatic/kafka";

export interface StoredRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer;
  readonly value: string;
  readonly bytes: Buffer;
}

/** Reads up to the end that the topic has now; by partition in offset order. */
export async function readKafkaTopic(brokers: readonly string[], topic: string): Promise<StoredRecord[]> {
  const consumer = new Consumer({ clientId: "reader", groupId: randomUUID(), bootstrapBrokers: [...brokers] });
  try {
    const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic) ?? [];
    const left = new Set(ends.flatMap((end, partition) => (end > 0n ? [partition] : [])));
    const found: StoredRecord[] = [];
    if (left.size === 0) return found;
    const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false, maxWaitTime: 100 });
    for await (const { partition, offset, key, value } of stream) {
      found.push({ partition, offset, key, value: value.toString(), bytes: value });
      if (offset + 1n >= (ends[partition] ?? 0n)) left.delete(partition);
      if (left.size === 0) break;
    }
    return found.toSorted((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
  } finally {
    await consumer.close(true);
  }
}
