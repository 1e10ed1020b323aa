import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";
import { type WalkOutcome, walkExportRequestInSlices } from "@nonet/proto/otlp-walk.ts";
import { secretMasking } from "../receive/mask-secrets.ts";

/** How the Collector's Kafka exporter writes a request. */
export const doorEncodings = ["otlp_proto", "otlp_json"] as const;
export type DoorEncoding = (typeof doorEncodings)[number];

const sliceMsMax = 10;

/** The same validation and masking that a request gets over gRPC and HTTP. */
export async function decodeExport(bytes: Uint8Array, encoding: DoorEncoding): Promise<WalkOutcome> {
  const options = { masking: secretMasking, sliceMsMax };
  if (encoding === "otlp_proto") return walkExportRequestInSlices(bytes, options);
  const encoded = exportRequestFromJson(bytes);
  return encoded.outcome === "encoded" ? walkExportRequestInSlices(encoded.bytes, options) : encoded;
}
