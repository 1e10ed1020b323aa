/** `GET /api/receipts/:receiptId`: what became of a request that was answered with success. Source: contracts/README.md ruling 15, docs/receipts.md. */
import type { ProcessedPosition } from "@nonet/proto/control/processed-positions.ts";
import type { QuarantineStore } from "@nonet/proto/control/quarantine.ts";
import type { Receipt, ReceiptSigner } from "@nonet/proto/receipt.ts";
import { z } from "zod";
import { jsonAnswer, problemAnswer } from "../http/answer.ts";
import { type Operation, operation } from "../http/operation.ts";
import { notFound } from "../http/problem.ts";
import { type ReceiptState, receiptStates, stateOf } from "./state.ts";

export const receiptsBasePath = "/api/receipts";

/** What the quarantine holds of one request. */
const rejectedShownMax = 1_000;

const receiptSchema = z
  .strictObject({
    state: z.enum(receiptStates),
    loggedAt: z.string().describe("When the log had all accepted spans of the request."),
    acceptedSpans: z.int().min(0),
    rejectedSpans: z.int().min(0),
    log: z.strictObject({
      topic: z.string().nullable().describe("Null when nothing was accepted."),
      partitions: z.array(
        z.strictObject({ partition: z.int(), lastOffset: z.string().describe("Decimal; of the last span there.") }),
      ),
    }),
    rejected: z
      .array(
        z.strictObject({
          quarantineId: z.string(),
          reason: z.string(),
          detail: z.string(),
          traceId: z.string().describe("As far as it was hex digits; may be empty."),
          spanId: z.string(),
        }),
      )
      .describe("The rejected spans, as long as the quarantine holds them; at most 1,000."),
  })
  .meta({ id: "Receipt" });

export function receiptOperation(deps: {
  readonly receipts: Pick<ReceiptSigner, "read">;
  positionsOf(topic: string): Promise<ReadonlyMap<number, ProcessedPosition>>;
  readonly quarantine: Pick<QuarantineStore, "list">;
  readonly retentionMs: number;
  now(): number;
}): Operation {
  return operation({
    operationId: "getReceipt",
    path: "/:receiptId",
    summary: "What became of an export request",
    description:
      "Takes the `nonet-receipt` of the answer. `logged`: durable, not yet in the store. `stored`: in the store. `queryable`: every API shows it. `expired`: older than the retention. A receipt that is not of this installation and project is unknown (404).",
    pathParameters: {},
    parameters: {},
    scopeOf: () => ["ingest:write", "traces:read"],
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": receiptSchema },
    problemStatuses: [],
    async handle(request) {
      const { projectId, mayReadContent } = request;
      const receipt = deps.receipts.read(request.path["receiptId"] ?? "");
      if (receipt === undefined || receipt.projectId !== projectId) return problemAnswer(notFound);
      const isExpired = deps.now() - receipt.loggedAtMs > deps.retentionMs;
      const state = isExpired ? "expired" : stateOf(receipt, await positionsFor(receipt));
      const rejected = await rejectedOf(receipt);
      return jsonAnswer(JSON.stringify(toBody(receipt, state, rejected)), { mayReadContent });
    },
  });

  async function positionsFor(receipt: Receipt): Promise<ReadonlyMap<number, ProcessedPosition>> {
    return receipt.partitions.length === 0 ? new Map() : await deps.positionsOf(receipt.topic);
  }

  async function rejectedOf({ id, projectId, rejectedSpans }: Receipt) {
    if (rejectedSpans === 0) return [];
    return await deps.quarantine.list(projectId, { receiptId: id }, rejectedShownMax);
  }
}

function toBody(
  receipt: Receipt,
  state: ReceiptState,
  rejected: Awaited<ReturnType<QuarantineStore["list"]>>,
): z.infer<typeof receiptSchema> {
  return {
    state,
    loggedAt: new Date(receipt.loggedAtMs).toISOString(),
    acceptedSpans: receipt.acceptedSpans,
    rejectedSpans: receipt.rejectedSpans,
    log: {
      topic: receipt.topic === "" ? null : receipt.topic,
      partitions: receipt.partitions.map(({ partition, lastOffset }) => ({
        partition,
        lastOffset: lastOffset.toString(),
      })),
    },
    rejected: rejected
      .toReversed()
      .map(({ id, reason, detail, traceId, spanId }) => ({ quarantineId: id, reason, detail, traceId, spanId })),
  };
}
