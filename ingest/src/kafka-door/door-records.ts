/** One record of a topic that a Collector writes to: a request like any other, except that nobody waits for its answer. */
import type { QuarantineWriter } from "@nonet/proto/control/quarantine-writer.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { ApplySettings } from "../publish/apply-settings.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { InFlight, InFlightRequest } from "../receive/in-flight.ts";
import type { ReceiveDeps, RequestRoom, Sender } from "../receive/receive-export.ts";
import { type DoorEncoding, decodeExport } from "./decode-export.ts";
import { maskUnreadable } from "./mask-unreadable.ts";

export interface DoorRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer;
  readonly value: Buffer;
  readonly timestampMs: number;
}

export interface DoorRecordsDeps extends Required<Pick<ReceiveDeps, "accept" | "acceptNothing">> {
  /** Shared with gRPC and HTTP. */
  readonly inFlight: Pick<InFlight, "begin" | "bytes" | "requests">;
  /** Publishes to the dead-letter topic. */
  readonly deadLetters: Pick<Publisher, "publish" | "recordBytesMax">;
  readonly quarantine: Pick<QuarantineWriter, "offer">;
  /** The project's own masking rules. */
  rulesOf: ApplySettings["rulesOf"];
  count(outcome: "accepted" | "unreadable", spans: { readonly accepted: number; readonly rejected: number }): void;
  now(): number;
}

/** Bytes of a dead letter besides its key and value: the headers. */
const headerBytesMax = 2_048;
const reasonCharactersMax = 1_000;

/**
 * Resolves when everything of the record is durable: its spans in the log, or the record itself among the dead letters.
 *
 * @throws PipelineError; what a retry can cure is to be tried again, also when too many bytes are in flight.
 */
export function createDoorRecords(encoding: DoorEncoding, deps: DoorRecordsDeps) {
  return async (record: DoorRecord, sender: Sender): Promise<void> => {
    const request = deps.inFlight.begin();
    try {
      // One that is larger than the limit is taken when nothing else is in flight.
      if (!request.take(record.value.length) && deps.inFlight.bytes() > 0) {
        throw new PipelineError("OVERLOADED", "no room for a record of a Collector's topic");
      }
      await takeRecord(record, sender, request);
    } finally {
      request.end();
    }
  };

  async function takeRecord(record: DoorRecord, sender: Sender, request: InFlightRequest): Promise<void> {
    const walked = await decodeExport(record.value, encoding);
    if (walked.outcome !== "walked") {
      const where = walked.path === "" ? "" : ` in ${walked.path}`;
      const detail = `no ${encoding} request: ${walked.reason}${where}`;
      await bury(record, sender, { reason: walked.outcome === "too_large" ? "too_large" : "invalid_body", detail });
      deps.count("unreadable", { accepted: 0, rejected: 0 });
      return;
    }
    let rejected = walked.rejectedCount;
    if (walked.spanCount === rejected) await deps.acceptNothing(sender, walked);
    else rejected += (await deps.accept(sender, walked, roomOf(request))).refused.length;
    deps.count("accepted", { accepted: walked.spanCount - rejected, rejected });
  }

  /** Nobody waits for an answer here, and records come a few at a time anyway. */
  function roomOf(request: InFlightRequest): RequestRoom {
    return {
      take: (bytes) => request.take(bytes) || deps.inFlight.requests() === 1,
      give: (bytes) => request.give(bytes),
      waits() {},
      isAbandoned: () => false,
    };
  }

  /** The topic of dead letters holds the record as it came; the quarantine, where people read it, holds it masked. */
  async function bury(
    record: DoorRecord,
    { projectId }: Sender,
    why: { readonly reason: string; readonly detail: string },
  ): Promise<void> {
    const key = record.key.subarray(0, headerBytesMax);
    const value = record.value.subarray(0, deps.deadLetters.recordBytesMax - key.length - headerBytesMax);
    const headers = {
      reason: `[${why.reason.toUpperCase()}] ${why.detail}`.slice(0, reasonCharactersMax),
      topic: record.topic,
      partition: String(record.partition),
      offset: record.offset,
      time: String(record.timestampMs),
      ...(value.length < record.value.length ? { truncated: "true" } : {}),
    };
    const bytes = maskUnreadable(record.value, await deps.rulesOf(projectId));
    await deps.deadLetters.publish([{ key, value, headers }]);
    deps.quarantine.offer({
      ...why,
      projectId,
      kind: "dead_letter",
      traceId: "",
      spanId: "",
      form: encoding === "otlp_proto" ? "unreadable_proto" : "unreadable_json",
      bytes,
      key: new Uint8Array(0),
      source: `${record.topic}/${record.partition}/${record.offset}`,
      receiptId: undefined,
      atMs: deps.now(),
    });
  }
}
