/** The other end of json-decoder.ts: one body after the other becomes protobuf. */
import { parentPort } from "node:worker_threads";
import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";

parentPort?.on("message", (body: Uint8Array) => {
  const decoded = exportRequestFromJson(body);
  // `as`: what the encoder wrote into is an ArrayBuffer of its own, shared with nobody.
  const owned = decoded.outcome === "encoded" ? [decoded.bytes.buffer as ArrayBuffer] : [];
  parentPort?.postMessage(decoded, owned);
});
