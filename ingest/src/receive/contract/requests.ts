/** Requests that the contract tests send. */
import { field } from "@nonet/proto/testdata/otlp-messages.ts";

/** otlp-receiver.md 5.3: one span "a", internal, resource `service.name` = "s", 80 bytes. */
export const referenceRequest = Buffer.from(
  "0a4e0a150a130a0c736572766963652e6e616d6512030a017312351233" +
    "0a105b8efff798038103d269b633813fc60c1208eee19b7ec3c1b1742a01613001" +
    "39004859e3faeb6f15410012f41efbeb6f15",
  "hex",
);

export const referenceJson = JSON.stringify({
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "s" } }] },
      scopeSpans: [
        {
          spans: [
            {
              traceId: "5B8EFFF798038103D269B633813FC60C",
              spanId: "EEE19B7EC3C1B174",
              name: "a",
              kind: 1,
              startTimeUnixNano: "1544712660000000000",
              endTimeUnixNano: "1544712661000000000",
            },
          ],
        },
      ],
    },
  ],
});

export function spanBytes(number: number, ...more: Uint8Array[]): Buffer<ArrayBuffer> {
  const spanId = Buffer.alloc(8);
  spanId.writeUInt32BE(number + 1, 4);
  return Buffer.concat([field(1, Buffer.alloc(16, 0xab)), field(2, spanId), ...more]);
}

export function attributeField(number: number, key: string, text: string | Uint8Array): Buffer<ArrayBuffer> {
  return field(number, field(1, key), field(2, field(1, text)));
}

export function requestOf(...spans: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  return field(1, field(2, ...spans.map((span) => field(2, span))));
}

/** A valid request of about this many bytes. */
export function requestOfSize(bytes: number): Buffer<ArrayBuffer> {
  return requestOf(spanBytes(0, attributeField(9, "filler", Buffer.alloc(bytes, 0x61))));
}

export const noIdsRequest = requestOf(attributeField(9, "k", "v"));
