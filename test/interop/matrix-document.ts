/** docs/interop.md, written from the results of a run. */
import { cpus } from "node:os";
import type { MatrixRow } from "./matrix-row.ts";
import type { Versions } from "./versions.ts";

export function toDocument(
  rows: readonly MatrixRow[],
  run: { readonly versions: Versions; readonly spanCount: number },
): string {
  const versions = Object.entries(run.versions).map(([sender, version]) => `| ${sender} | ${version} |`);
  return `# Interoperability

Written by \`pnpm test:interop\` on ${new Date().toISOString().slice(0, 10)}, on ${cpus().length} cores shared with other work. It runs the matrix of
[the receiver's contract](contracts/otlp-receiver.md), section 10, with the real programs: each row sends ${run.spanCount.toLocaleString("en")} spans with known ids, ends the
receiver once in the middle, starts it again, and compares the (trace id, span id) sent with those in the store.

- **acknowledged**: spans whose export the SDK reported as a success. telemetrygen does not say; the ids it sent are read off the wire.
- **lost**: acknowledged (of telemetrygen: sent) and not stored. **doubled**: stored under more than one row. Both must be 0 in every row.
- **given up**: spans that the sender itself reported as failed after its own repetitions, and that are not stored.
- **away**: from the signal until the receiver was ready again.

Rows of the SDKs, the browser and the Collector's \`otlp\` exporters also read every session back through the API: each acknowledged model call and tool
has its event, and none is there twice.

## Results

${toTable(rows)}

## Versions

| sender | version |
| --- | --- |
${versions.join("\n")}

The Collector is built from its published modules (\`test/interop/collector\`) with the receivers \`otlp\` and \`kafka\`, the exporters \`otlp\`, \`otlphttp\` and
\`kafka\`, \`memory_limiter\` and \`file_storage\`; its configurations are those of \`deploy/collector\`, unchanged.

## What senders do while a receiver is away

- Over gRPC the Python and Go SDKs, telemetrygen and the Collector reconnect and send again. The **JS SDK's gRPC exporter** takes every error for
  final, UNAVAILABLE too, and drops the batch; only its HTTP exporters repeat. Its rows over gRPC therefore have twenty lines around the exporter that
  send such a batch again (\`test/interop/senders/repeating-exporter.ts\`). Give Node programs HTTP, lines like those, or a Collector in front.
- Over HTTP the JS, Python and browser SDKs and the Collector treat a refused or broken connection as a reason to send again. The **Go SDK** and
  **telemetrygen**, which is built on it, take it as final and drop the batch; they send again after 429, 502, 503 and 504. Their rows over HTTP
  therefore go through a stand-in for a load balancer that answers 503 (or 502, for a request under way) while the receiver is away, as any proxy
  does. Give Go programs gRPC, a load balancer, or a Collector in front.
- SDKs give up after a time of their own: the JS SDKs after five repetitions (11 to 15 s), the others with the export's time limit, 10 s by default and
  60 s here (\`OTEL_EXPORTER_OTLP_TIMEOUT\`). A Collector with a persistent queue does not: see \`deploy/collector\`.

## What runs where

| command | what |
| --- | --- |
| \`pnpm test:interop\` | everything above; needs Go, Python, Chromium and Java, and takes about a quarter of an hour |
| \`pnpm test:interop <text>\` | the rows whose name contains the text, for example \`telemetrygen\` or \`kafka\`; prints, and leaves this file alone |
| \`pnpm test:interop record\` | records \`test/interop/captures\`: what the Go SDK, the Collector and telemetrygen send, byte by byte |
| \`vitest run --project interop\` | in CI: plays the captures again, and runs the JS and Python SDKs, a raw client and the browser with 1,000 spans each and a restart |

Not in the matrix: Java's SDK (the contract asks for Go or Java).
`;
}

export function toTable(rows: readonly MatrixRow[]): string {
  const head = "sender | wire | ended by | away | sent | acknowledged | stored | lost | doubled | given up";
  const lines = rows.map((row) =>
    [
      row.sender,
      row.wire,
      row.restart,
      `${(row.awayMs / 1_000).toFixed(1)} s`,
      row.sent,
      row.acknowledged ?? "-",
      row.stored,
      row.lost,
      row.doubled,
      row.givenUp,
    ].join(" | "),
  );
  return [head, head.replaceAll(/[^|]+/g, " --- ").trim(), ...lines].map((line) => `| ${line} |`).join("\n");
}
