/**
 * Recorded traffic of real senders: what each sent over its connections, byte by byte as on the wire, with the ids it contains. One compressed JSON
 * file each in captures/; `pnpm test:interop record` writes them.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";

export interface Capture {
  /** Sender, protocol and compression in words. */
  readonly name: string;
  readonly version: string;
  readonly transport: "grpc" | "http";
  /** ISO date. */
  readonly recordedOn: string;
  /** `traceId/spanId`, as the sender made them. */
  readonly keys: readonly string[];
  /** Base64, one entry a connection. */
  readonly connections: readonly string[];
}

const directory = new URL("captures/", import.meta.url);
const suffix = ".json.gz";

export function loadCaptures(): Capture[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(suffix));
  // `as`: written below.
  return files
    .sort()
    .map((file) => JSON.parse(gunzipSync(readFileSync(new URL(file, directory))).toString()) as Capture);
}

export function saveCapture(capture: Capture): void {
  const file = `${capture.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}${suffix}`;
  writeFileSync(new URL(file, directory), gzipSync(JSON.stringify(capture), { level: 9 }));
}
