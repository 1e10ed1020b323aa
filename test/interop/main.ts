/**
 * `pnpm test:interop`: the matrix of otlp-receiver.md section 10 with the real programs. Needs Go, Python, Chromium, and what Kafka needs.
 *
 *     pnpm test:interop                  every cell; writes docs/interop.md
 *     pnpm test:interop telemetrygen     the cells whose name contains the text; prints only
 *     pnpm test:interop record           records the captures that CI plays again
 */
import { writeFileSync } from "node:fs";
import { buildGoPrograms } from "./build-go.ts";
import { type Cell, listCells } from "./cells.ts";
import { runKafkaCells } from "./kafka-cells.ts";
import { toDocument, toTable } from "./matrix-document.ts";
import { holds, type MatrixRow, toRow } from "./matrix-row.ts";
import { runQueueCell } from "./queue-cell.ts";
import { readSessionEvents } from "./read-events.ts";
import { recordCaptures } from "./record-captures.ts";
import { type Sent, sendThroughRestart } from "./run-cell.ts";
import { type BrowserSender, startBrowserSender } from "./senders/browser-sender.ts";
import { hasOwnEvent, plannedSessionIds } from "./span-plan.ts";
import { type InteropReceiver, startStandaloneReceiver } from "./standalone-receiver.ts";
import { readVersions } from "./versions.ts";

const load = { spanCount: Number(process.env["INTEROP_SPANS"] ?? 10_000), pauseMs: 3 };
const kafkaCompressions = ["none", "zstd"];

const [wanted = ""] = process.argv.slice(2);
buildGoPrograms();
if (wanted === "record") await recordCaptures(readVersions("not used"));
else await runMatrix(wanted);

async function runMatrix(filter: string): Promise<void> {
  const browser = await startBrowserSender();
  try {
    const rows = [
      ...(await runPlainCells(browser, filter)),
      ...("persistent queue".includes(filter) ? [await runQueueCell(load)] : []),
      ...("kafka".includes(filter) ? await runKafkaCells(load, kafkaCompressions) : []),
    ];
    if (filter === "" && process.exitCode === undefined) {
      const text = toDocument(rows, { versions: readVersions(browser.version), spanCount: load.spanCount });
      writeFileSync(new URL("../../docs/interop.md", import.meta.url), text);
    }
    console.log(toTable(rows));
    if (!rows.every(holds)) process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

/** All on one receiver, which every cell restarts; what is stored is compared when all have been sent. */
async function runPlainCells(browser: BrowserSender, filter: string): Promise<MatrixRow[]> {
  const receiver = await startStandaloneReceiver({
    NONET_OTLP_CORS_ORIGINS: browser.origin,
    NONET_OTLP_CORS_HEADERS: "authorization",
  });
  try {
    const results: { cell: Cell; sent: Sent }[] = [];
    for (const cell of listCells(browser.send)) {
      const wire = wireOf(cell);
      if (!`${cell.sender} ${wire}`.includes(filter)) continue;
      let sent: Sent;
      try {
        sent = await sendThroughRestart(receiver, { ...cell, ...load });
        if (cell.hasEvents) await assertEvents(receiver, sent);
      } catch (caught) {
        // The other cells are run all the same; the document is left as it was.
        console.error(`${cell.sender}, ${wire}: ${String(caught)}`);
        process.exitCode = 1;
        continue;
      }
      console.log(`${cell.sender}, ${wire}: ${sent.keys.size} sent, receiver away for ${Math.round(sent.awayMs)} ms`);
      results.push({ cell, sent });
    }
    const stored = await receiver.stored();
    return results.map(({ cell, sent }) => toRow({ ...cell, wire: wireOf(cell) }, sent, stored));
  } finally {
    await receiver.close();
  }
}

/** The API shows an event for each model call and tool that was acknowledged, and none twice. */
async function assertEvents(receiver: InteropReceiver, sent: Sent): Promise<void> {
  const events = await readSessionEvents(receiver.shape, plannedSessionIds(sent.plan));
  const shown = new Set(events.map(({ spanId }) => spanId));
  if (shown.size !== events.length) throw new Error(`${events.length - shown.size} events are shown twice`);
  const missing = [...sent.acknowledged].filter((id) => hasOwnEvent(id) && !shown.has(id));
  if (missing.length > 0) throw new Error(`${missing.length} acknowledged spans have no event, such as ${missing[0]}`);
}

function wireOf({ sender, protocol, compression, behindLoadBalancer }: Cell): string {
  const coding = compression === "none" ? "" : ` ${compression}`;
  const isRepeated = sender === "OpenTelemetry JS SDK" && protocol === "grpc";
  return `${protocol}${coding}${behindLoadBalancer ? ", behind a load balancer" : ""}${isRepeated ? ", repeated by the application" : ""}`;
}
