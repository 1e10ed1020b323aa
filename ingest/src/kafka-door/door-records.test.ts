import type { OfferedToQuarantine } from "@nonet/proto/control/quarantine-writer.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { anyRequest, encodeRequest, validRequest } from "@nonet/proto/testdata/otlp-messages.ts";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogRecord } from "../publish/publisher.ts";
import { createInFlight } from "../receive/in-flight.ts";
import type { AcceptedRequest } from "../receive/receive-export.ts";
import type { DoorEncoding } from "./decode-export.ts";
import { createDoorRecords } from "./door-records.ts";

const sender = { tenantId: "acme", projectId: "shop" };

function open(encoding: DoorEncoding) {
  const accepted: AcceptedRequest[] = [];
  const deadLetters: LogRecord[] = [];
  const held: OfferedToQuarantine[] = [];
  const counts = { accepted: 0, unreadable: 0 };
  const state: { logError: PipelineError | undefined } = { logError: undefined };
  const inFlight = createInFlight(10_000);
  const handle = createDoorRecords(encoding, {
    inFlight,
    async accept(_, request) {
      if (state.logError !== undefined) throw state.logError;
      accepted.push(request);
      return { refused: [] };
    },
    acceptNothing: async () => undefined,
    rulesOf: async () => undefined,
    deadLetters: {
      recordBytesMax: 10_000,
      async publish(records) {
        if (state.logError !== undefined) throw state.logError;
        deadLetters.push(...records);
        return { topic: "dead", partitions: [] };
      },
    },
    quarantine: {
      offer(entry) {
        held.push(entry);
        return true;
      },
    },
    count: (outcome) => {
      counts[outcome] += 1;
    },
    now: () => 9,
  });
  const take = (value: Buffer) =>
    handle({ topic: "otlp_spans", partition: 2, offset: "41", key: Buffer.from("k"), value, timestampMs: 5 }, sender);
  return { take, accepted, deadLetters, held, counts, state, inFlight };
}

test("a request in protobuf is accepted whole, and rejected spans stay with it", async () => {
  await fc.assert(
    fc.asyncProperty(validRequest, async (request) => {
      const { take, accepted, deadLetters } = open("otlp_proto");
      await take(encodeRequest(request));
      // `as`: the generator above says no more of its requests.
      const envelopes = request.resource_spans as { scope_spans: { spans: object[] }[] }[];
      expect(deadLetters).toEqual([]);
      expect(accepted.flatMap((each) => each.groups).reduce((sum, group) => sum + group.spans.length, 0)).toBe(
        envelopes.flatMap((each) => each.scope_spans).flatMap((each) => each.spans).length,
      );
    }),
    { numRuns: 30 },
  );
});

test.each([
  ["otlp_proto", Buffer.from('{"resourceSpans":[]}')],
  ["otlp_json", Buffer.from([0x0a, 0x02, 0x12, 0x00])],
  ["otlp_json", Buffer.from('{"resourceSpans":[{')],
  ["otlp_json", Buffer.alloc(0)],
  ["otlp_proto", Buffer.from("noise")],
] as const)(
  "what is no %s request goes to the dead letters as it came, with whence and why (%#)",
  async (encoding, value) => {
    const { take, accepted, deadLetters, held, counts } = open(encoding);
    await take(value);
    expect(accepted).toEqual([]);
    expect(counts).toEqual({ accepted: 0, unreadable: 1 });
    expect(deadLetters).toMatchObject([
      {
        key: Buffer.from("k"),
        value,
        headers: {
          topic: "otlp_spans",
          partition: "2",
          offset: "41",
          time: "5",
          reason: expect.stringMatching(new RegExp(`^\\[INVALID_BODY\\] no ${encoding} request: `)),
        },
      },
    ]);
    expect(held).toMatchObject([
      { projectId: "shop", kind: "dead_letter", reason: "invalid_body", source: "otlp_spans/2/41", bytes: value },
    ]);
  },
);

test("an empty record of otlp_proto is an empty request", async () => {
  const { take, counts, deadLetters } = open("otlp_proto");
  await take(Buffer.alloc(0));
  expect([counts.accepted, deadLetters]).toEqual([1, []]);
});

test("an unreadable record larger than the dead letters take is cut, and says so", async () => {
  const { take, deadLetters } = open("otlp_json");
  await take(Buffer.alloc(20_000, "x"));
  expect(deadLetters[0]?.value.length).toBeLessThan(10_000);
  expect(deadLetters[0]?.headers).toMatchObject({ truncated: "true" });
});

test("nothing is taken while the log is away: neither spans nor dead letters", async () => {
  const { take, held, counts, state } = open("otlp_proto");
  state.logError = new PipelineError("LOG_UNAVAILABLE", "away");
  await expect(take(Buffer.from("noise"))).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  const traceId = Buffer.alloc(16, 1);
  const spans = [{ trace_id: traceId, span_id: traceId.subarray(0, 8) }];
  const request = encodeRequest({ resource_spans: [{ scope_spans: [{ spans }] }] });
  await expect(take(request)).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  expect([held, counts]).toEqual([[], { accepted: 0, unreadable: 0 }]);
});

test("its bytes are in flight until it is taken, and it waits while there is no room", async () => {
  const { take, accepted, inFlight } = open("otlp_proto");
  const traceId = Buffer.alloc(16, 1);
  const spans = [{ trace_id: traceId, span_id: traceId.subarray(0, 8), name: "x".repeat(4_000) }];
  const request = encodeRequest({ resource_spans: [{ scope_spans: [{ spans }] }] });
  const other = inFlight.begin();
  other.take(9_000);
  await expect(take(request)).rejects.toMatchObject({ code: "OVERLOADED", retryable: true });
  expect([accepted.length, inFlight.bytes()]).toEqual([0, 9_000]);
  other.end();
  const taking = take(request);
  expect(inFlight.bytes()).toBe(request.length);
  await taking;
  expect([accepted.length, inFlight.bytes()]).toEqual([1, 0]);
});

test("one that is larger than the limit is taken alone", async () => {
  const { take, counts, inFlight } = open("otlp_proto");
  await take(Buffer.alloc(20_000));
  expect([counts.unreadable, inFlight.bytes()]).toEqual([1, 0]);
});

test("whatever a record holds, it is taken", async () => {
  const { take } = open("otlp_proto");
  const json = open("otlp_json");
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), anyRequest.map(encodeRequest)), async (bytes) => {
      await take(Buffer.from(bytes));
      await json.take(Buffer.from(bytes));
    }),
    { numRuns: 200 },
  );
});
