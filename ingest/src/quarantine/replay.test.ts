import type { QuarantinedWithBytes } from "@nonet/proto/control/quarantine.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { type WalkedGroup, walkExportRequest } from "@nonet/proto/otlp-walk.ts";
import { encodeRequest } from "@nonet/proto/testdata/otlp-messages.ts";
import { expect, test } from "vitest";
import type { LogRecord } from "../publish/publisher.ts";
import type { AcceptedRequest } from "../receive/receive-export.ts";
import { encodeOneSpanRequest } from "./one-span-request.ts";
import { replayEntry } from "./replay.ts";

const traceId = Buffer.alloc(16, 7);
const span = { trace_id: traceId, span_id: traceId.subarray(0, 8), name: "chat" };
const requestOf = (...spans: object[]) =>
  encodeRequest({
    resource_spans: [
      {
        resource: { attributes: [{ key: "service.name", value: { string_value: "shop" } }] },
        scope_spans: [{ scope: { name: "scope" }, spans, schema_url: "https://scope" }],
        schema_url: "https://resource",
      },
    ],
  });

function entry(change: Partial<QuarantinedWithBytes>): QuarantinedWithBytes {
  return {
    id: "1",
    projectId: "shop",
    kind: "rejected_span",
    reason: "record_too_large",
    detail: "",
    traceId: "",
    spanId: "",
    form: "otlp_request",
    bytes: requestOf(span),
    key: Buffer.alloc(0),
    size: 1,
    source: undefined,
    receiptId: undefined,
    atMs: 0,
    truncated: false,
    state: "replaying",
    replayedAtMs: undefined,
    outcome: "",
    ...change,
  };
}

function open(logError?: PipelineError) {
  const accepted: AcceptedRequest[] = [];
  const records: LogRecord[] = [];
  const deps = {
    tenantOf: async (projectId: string) => (projectId === "shop" ? "acme" : undefined),
    async acceptSpans(_: unknown, request: AcceptedRequest) {
      if (logError !== undefined) throw logError;
      accepted.push(request);
      return { accepted: 1, refused: [], published: undefined };
    },
    publisher: {
      async publish(more: readonly LogRecord[]) {
        records.push(...more);
        return { topic: "t", partitions: [] };
      },
    },
  };
  return { accepted, records, replay: (change: Partial<QuarantinedWithBytes>) => replayEntry(entry(change), deps) };
}

test("a span goes the way of a new one; a record of the log is published as it was", async () => {
  const { replay, accepted, records } = open();
  expect(await replay({})).toBe("");
  expect(accepted[0]?.groups[0]?.spans).toMatchObject([{ traceId: traceId.toString("hex") }]);
  expect(await replay({ form: "agent_record", key: Buffer.from("k"), bytes: Buffer.from("v") })).toBe("");
  expect(records).toEqual([{ key: Buffer.from("k"), value: Buffer.from("v") }]);
  const json = Buffer.from('{"resourceSpans":[]}');
  expect(await replay({ form: "unreadable_json", bytes: json })).toBe("");
});

test("what is still wrong says so and stores nothing", async () => {
  const { replay, accepted } = open();
  expect(await replay({ bytes: requestOf(span, { ...span, span_id: Buffer.alloc(8) }) })).toBe(
    "still rejected: invalid_span_id",
  );
  expect(await replay({ form: "unreadable_proto", bytes: Buffer.from("noise") })).toMatch(/^cannot be decoded: /);
  expect(await replay({ projectId: "gone" })).toBe("the project does not exist");
  expect(accepted).toEqual([]);
});

test("a log that is away is no outcome: the entry comes again", async () => {
  await expect(open(new PipelineError("LOG_UNAVAILABLE", "away")).replay({})).rejects.toMatchObject({
    retryable: true,
  });
  expect(await open(new PipelineError("RECORD_TOO_LARGE", "too large")).replay({})).toContain("too large");
});

test("the request around one span holds all that the span had around it", () => {
  const groupOf = (bytes: Uint8Array): WalkedGroup | undefined => {
    const walked = walkExportRequest(bytes);
    return walked.outcome === "walked" ? walked.groups[0] : undefined;
  };
  const group = groupOf(requestOf(span));
  const bytes = group?.spans[0]?.bytes ?? new Uint8Array(0);
  expect(group && groupOf(encodeOneSpanRequest(group, bytes))).toEqual(group);
  const bare = {
    resourceBytes: bytes.subarray(0, 0),
    resourceSchemaUrl: "",
    scopeBytes: bytes.subarray(0, 0),
    scopeSchemaUrl: "",
  };
  expect(groupOf(encodeOneSpanRequest(bare, bytes))).toMatchObject({
    ...bare,
    spans: [{ spanId: "0707070707070707" }],
  });
});
