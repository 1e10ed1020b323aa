/**
 * `pnpm bench:load [spans, default 1M] [directory]`: a standalone data directory with so many spans. About 10,000 spans of the canonical workload
 * are really sent and stored; the others are copies (load-copies.ts). `pnpm bench:query` measures on it.
 */
import { existsSync, mkdirSync } from "node:fs";
import { startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { benchDirectory, startBenchStandalone } from "./bench-standalone.ts";
import { baseSeed, baseStartMs, dropBase, insertCopies, keepBase } from "./load-copies.ts";
import { sendLoad } from "./send-load.ts";
import { createWorkload } from "./workload.ts";

const baseSpans = 10_008;
const copiesPerInsert = 20;

const wanted = toCount(process.argv[2] ?? "1M");
const directory = benchDirectory(process.argv[3]);
if (existsSync(directory)) throw new Error(`${directory} is there already; delete it, or name another`);
mkdirSync(directory, { recursive: true });

const workload = createWorkload({ seed: baseSeed, spanCount: baseSpans, startMs: baseStartMs, traceSpacingMs: 1000 });
const standalone = await startBenchStandalone(directory);
await sendLoad(standalone, [...workload.requests(64)], { inFlight: 1 });
await standalone.untilStored(workload.traceIds.length);
await standalone.close();

const engine = await startChdbServer({ dataDirectory: `${directory}/clickhouse` });
const client = createStoreClient(engine);
await keepBase(client);
const copies = Math.ceil(wanted / baseSpans) - 1;
const started = performance.now();
for (let first = 1; first <= copies; first += copiesPerInsert) {
  const last = Math.min(first + copiesPerInsert - 1, copies);
  await insertCopies(client, first, last);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${((last + 1) * baseSpans).toLocaleString("en")} spans after ${seconds} s`);
}
await dropBase(client);
await client.close();
await engine.close();
console.log(`${directory} is filled; measure it with pnpm bench:query ${directory}`);

function toCount(text: string): number {
  const match = /^(\d+)([kKM]?)$/.exec(text);
  if (match === null) throw new Error(`${text} is no number of spans such as 500k or 10M`);
  return Number(match[1]) * (match[2] === "M" ? 1_000_000 : match[2] === "" ? 1 : 1000);
}
