/** Gives every accepted request its receipt, and what was not stored of it to the quarantine. */
import type { QuarantineWriter } from "@nonet/proto/control/quarantine-writer.ts";
import { createReceiptId, type ReceiptSigner } from "@nonet/proto/receipt.ts";
import { holdRejected } from "../quarantine/hold-rejected.ts";
import type { AcceptedRequest, ReceiveDeps, RequestRoom, Sender } from "../receive/receive-export.ts";
import type { AcceptedSpans } from "./accept-spans.ts";
import type { ApplySettings, SettledRequest } from "./apply-settings.ts";

export interface AcceptWithReceiptDeps {
  acceptSpans(sender: Sender, request: SettledRequest, room: RequestRoom): Promise<AcceptedSpans>;
  settle: ApplySettings["settle"];
  readonly receipts: ReceiptSigner;
  readonly quarantine: Pick<QuarantineWriter, "offer" | "drop">;
  now(): number;
}

export function createAcceptWithReceipt(
  deps: AcceptWithReceiptDeps,
): Required<Pick<ReceiveDeps, "accept" | "acceptNothing">> {
  /** Only for what is durable: a request that failed comes again, and its rejected spans with it. */
  function sign(sender: Sender, { groups }: AcceptedRequest, outcome: AcceptedSpans): string | undefined {
    const id = createReceiptId();
    const loggedAtMs = deps.now();
    const { projectId } = sender;
    holdRejected(deps.quarantine, { groups, refused: outcome.refused }, { projectId, receiptId: id, atMs: loggedAtMs });
    const rejected = groups.reduce((sum, group) => sum + group.rejected.length, 0);
    return deps.receipts.sign({
      id,
      projectId,
      loggedAtMs,
      acceptedSpans: outcome.accepted,
      rejectedSpans: rejected + outcome.refused.length,
      topic: outcome.published?.topic ?? "",
      partitions: outcome.published?.partitions ?? [],
    });
  }

  return {
    async accept(sender, request, room) {
      const settled = await deps.settle(sender.projectId, request);
      const outcome = await deps.acceptSpans(sender, settled, room);
      const receipt = sign(sender, settled, outcome);
      return { refused: outcome.refused, ...(receipt === undefined ? {} : { receipt }) };
    },
    async acceptNothing(sender, request) {
      // Rejected spans are kept too, and masked like the others.
      const settled = request.groups.length === 0 ? request : await deps.settle(sender.projectId, request);
      return sign(sender, settled, { accepted: 0, refused: [], published: undefined });
    },
  };
}
