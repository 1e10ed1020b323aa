/** Exports of OTLP/JSON in tests that look at the receipt of the answer. */
import { eventually } from "./service-process.ts";
import type { ShapeUnderTest } from "./shape-under-test.ts";

export interface ExportAnswer {
  readonly status: number;
  readonly body: { readonly partialSuccess?: { readonly rejectedSpans?: string; readonly errorMessage: string } };
  readonly receipt: string;
}

export interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly [member: string]: unknown;
}

/** A model call in session `sessionId`. */
export function modelCall(ids: { traceId: string; spanId: string; sessionId: string }, extra: object = {}): JsonSpan {
  const startMs = Date.now() - 2_000;
  return {
    traceId: ids.traceId,
    spanId: ids.spanId,
    name: "chat gpt-5-mini",
    kind: 3,
    startTimeUnixNano: `${startMs}000000`,
    endTimeUnixNano: `${startMs + 1_000}000000`,
    attributes: [
      { key: "gen_ai.operation.name", value: { stringValue: "chat" } },
      { key: "gen_ai.provider.name", value: { stringValue: "openai" } },
      { key: "gen_ai.request.model", value: { stringValue: "gpt-5-mini" } },
      { key: "gen_ai.conversation.id", value: { stringValue: ids.sessionId } },
    ],
    ...extra,
  };
}

export function requestOf(spans: readonly object[]): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
        scopeSpans: [{ scope: { name: "test" }, spans }],
      },
    ],
  };
}

export async function exportJson(
  shape: Pick<ShapeUnderTest, "httpUrl" | "apiKey">,
  request: object,
): Promise<ExportAnswer> {
  const response = await fetch(`${shape.httpUrl}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${shape.apiKey}` },
    body: JSON.stringify(request),
  });
  // `as`: the receiver's JSON answers are tested by its contract tests.
  const body = (await response.json()) as ExportAnswer["body"];
  return { status: response.status, body, receipt: response.headers.get("nonet-receipt") ?? "" };
}

export interface ReceiptBody {
  readonly state: string;
  readonly loggedAt: string;
  readonly acceptedSpans: number;
  readonly rejectedSpans: number;
  readonly log: { readonly topic: string; readonly partitions: { partition: number; lastOffset: string }[] };
  readonly rejected: { quarantineId: string; reason: string; traceId: string; spanId: string }[];
}

export async function readReceipt(shape: Pick<ShapeUnderTest, "get">, receipt: string): Promise<ReceiptBody> {
  const { status, body } = await shape.get(`/api/receipts/${receipt}`);
  if (status !== 200) throw new Error(`receipt: ${status} ${JSON.stringify(body)}`);
  // `as`: the tests look at its members one by one.
  return body as ReceiptBody;
}

/** Waits until the receipt says so, the way a sender would. */
export function untilQueryable(
  shape: Pick<ShapeUnderTest, "get">,
  receipt: string,
  withinMs = 15_000,
): Promise<ReceiptBody> {
  return eventually(
    async () => {
      const body = await readReceipt(shape, receipt);
      return body.state === "queryable" && body;
    },
    { withinMs, what: "queryable" },
  );
}
