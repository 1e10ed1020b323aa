/** What every publisher must do, run by each implementation against its real log. */
import { partitionKey } from "@nonet/proto/topics.ts";
import { expect, test } from "vitest";
import type { LogRecord, Publisher } from "./publisher.ts";

export interface PublisherUnderTest {
  readonly publisher: Publisher;
  /** All values in the log with this key, in log order. */
  valuesOf(key: Uint8Array): Promise<string[]>;
}

export function publisherConformance(open: () => Promise<PublisherUnderTest>): void {
  const record = (traceId: string, value: string): LogRecord => ({
    key: partitionKey("default", traceId),
    value: Buffer.from(value),
  });
  const traceId = (n: number) => n.toString(16).padStart(32, "0");

  test("what was published is in the log, in order for each key", async () => {
    const { publisher, valuesOf } = await open();
    const sent = Array.from({ length: 50 }, (_, n) => record(traceId(1 + (n % 3)), `v${n}`));
    const published = await publisher.publish(sent);
    expect(published.partitions.length).toBeGreaterThan(0);
    expect(await valuesOf(partitionKey("default", traceId(1)))).toEqual(
      sent.filter((_, n) => n % 3 === 0).map((each) => Buffer.from(each.value).toString()),
    );
  });

  test("concurrent calls are all kept, and each is told where it lies", async () => {
    const { publisher, valuesOf } = await open();
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, n) => publisher.publish([record(traceId(100), `c${n}`)])),
    );
    const offsets = results.flatMap((result) => result.partitions.map((each) => each.lastOffset));
    expect(new Set(offsets).size).toBeGreaterThan(0);
    expect((await valuesOf(partitionKey("default", traceId(100)))).toSorted()).toEqual(
      Array.from({ length: 40 }, (_, n) => `c${n}`).toSorted(),
    );
  });

  test("a record over recordBytesMax is refused, and nothing of its call is kept", async () => {
    const { publisher, valuesOf } = await open();
    const large = record(traceId(200), "x".repeat(publisher.recordBytesMax + 1));
    await expect(publisher.publish([record(traceId(201), "small"), large])).rejects.toMatchObject({
      code: "RECORD_TOO_LARGE",
      retryable: false,
    });
    expect(await valuesOf(partitionKey("default", traceId(201)))).toEqual([]);
  });

  test("after close nothing is taken", async () => {
    const { publisher } = await open();
    await publisher.close();
    await publisher.close();
    await expect(publisher.publish([record(traceId(300), "late")])).rejects.toMatchObject({ code: "DRAINING" });
    expect(publisher.isHealthy()).toBe(false);
  });
}
