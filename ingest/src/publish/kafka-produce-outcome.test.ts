import { MultipleErrors, NetworkError, ResponseError } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { readProduceOutcome } from "./kafka-produce-outcome.ts";

const produceApi = 0;

/** As the client throws it when a broker answers with an error for some partition. */
function answeredWith(codes: readonly number[]): Error {
  const partitionResponses = codes.map((errorCode, index) => ({
    index,
    errorCode,
    baseOffset: errorCode === 0 ? BigInt(100 + index) : -1n,
  }));
  const errors = Object.fromEntries(
    codes.flatMap((code, index) => (code === 0 ? [] : [[`/p/${index}`, [code, null]]])),
  );
  const response = { responses: [{ name: "t", partitionResponses }] };
  return new MultipleErrors("Producing messages failed.", [
    new ResponseError(produceApi, 11, errors as never, response as never),
  ]);
}

test("a confirmed request tells the first offset of each partition of the topic", () => {
  const offsets = [
    { topic: "t", partition: 0, offset: 5n },
    { topic: "t", partition: 1, offset: -1n },
    { topic: "other", partition: 2, offset: 7n },
  ];
  const outcome = readProduceOutcome("t", { result: { offsets } });
  expect([...outcome.baseOffsets]).toEqual([[0, 5n]]);
  // An answer that leaves a partition out is no confirmation of it.
  expect(outcome.failureOf(1)).toMatchObject({ written: "unknown", tooLarge: false });
});

test.each([
  ["NOT_LEADER_OR_FOLLOWER", 6, { written: "no", tooLarge: false }],
  ["REQUEST_TIMED_OUT", 7, { written: "unknown", tooLarge: false }],
  ["MESSAGE_TOO_LARGE", 10, { written: "no", tooLarge: true }],
  ["RECORD_LIST_TOO_LARGE", 18, { written: "no", tooLarge: true }],
  ["NOT_ENOUGH_REPLICAS", 19, { written: "no", tooLarge: false }],
  ["NOT_ENOUGH_REPLICAS_AFTER_APPEND", 20, { written: "unknown", tooLarge: false }],
])("%s of one partition fails that one; the others of the answer are confirmed", (_, code, failure) => {
  const outcome = readProduceOutcome("t", { error: answeredWith([0, code, 0]) });
  expect([...outcome.baseOffsets]).toEqual([
    [0, 100n],
    [2, 102n],
  ]);
  expect(outcome.failureOf(1)).toMatchObject(failure);
});

test("what another broker confirmed in the same send counts", () => {
  const error = Object.assign(
    new MultipleErrors("Producing messages failed.", [new NetworkError("Connection closed")]),
    {
      produced: { offsets: [{ topic: "t", partition: 3, offset: 9n }] },
    },
  );
  const outcome = readProduceOutcome("t", { error });
  expect([...outcome.baseOffsets]).toEqual([[3, 9n]]);
  expect(outcome.failureOf(0).written).toBe("unknown");
});

test("a refused connection wrote nothing, and an error of any other kind leaves it open", () => {
  const refused = new NetworkError("Connection failed.", {
    cause: Object.assign(new Error(), { code: "ECONNREFUSED" }),
  });
  expect(readProduceOutcome("t", { error: refused }).failureOf(0).written).toBe("no");
  for (const error of [new Error("?"), "text", undefined]) {
    expect(readProduceOutcome("t", { error }).failureOf(0).written).toBe("unknown");
  }
});
