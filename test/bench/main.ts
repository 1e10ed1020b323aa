/**
 * `pnpm bench [scenario ...] [--json FILE] [--against FILE]`: the canonical workload, measured from outside.
 *
 *     stages         CPU per span of each stage, in one process, without I/O
 *     ingest         until the durable ack: transports, compression, sizes of requests; standalone's log and Kafka
 *     processor      from the topic to the store; 1, 2 and 4 partitions
 *     pipeline       until queryable, standalone and distributed
 *     large-trace    one trace of 10,000 spans
 *     conversation   50 turns whose history repeats: bytes stored against bytes received
 *     start          ready, idle CPU, memory
 *
 * Prints a table, and writes the figures as JSON with `--json`. A missed target ends it with 1; so does, with `--against` figures of an earlier
 * run on the same machine, a cost per unit that has grown by more than a quarter. The sender's own CPU is left out, the engine's child counts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Figure, isMissed } from "./figure.ts";
import { measureConversation } from "./scenarios/conversation.ts";
import { measureIngest } from "./scenarios/ingest.ts";
import { measureLargeTrace } from "./scenarios/large-trace.ts";
import { measurePipeline } from "./scenarios/pipeline.ts";
import { measureProcessor } from "./scenarios/processor.ts";
import { stageFigures } from "./scenarios/stages.ts";
import { measureStart } from "./scenarios/start.ts";

const scenarios: Readonly<Record<string, () => Promise<Figure[]>>> = {
  stages: stageFigures,
  ingest: measureIngest,
  processor: measureProcessor,
  pipeline: measurePipeline,
  "large-trace": measureLargeTrace,
  conversation: measureConversation,
  start: measureStart,
};

const grownMax = 1.25;

interface Run {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly figures: readonly Figure[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, against: { type: "string" } },
});
const wanted = positionals.length === 0 ? Object.keys(scenarios) : positionals;
const unknown = wanted.filter((name) => scenarios[name] === undefined);
if (unknown.length > 0) {
  console.error(`No scenario ${unknown.join(", ")}; there are ${Object.keys(scenarios).join(", ")}`);
  process.exit(2);
}

const figures: Figure[] = [];
for (const name of wanted) {
  console.error(`measuring ${name}`);
  figures.push(...((await scenarios[name]?.()) ?? []));
}
const [cpu] = cpus();
const run: Run = {
  date: new Date().toISOString(),
  machine: `${cpus().length} x ${cpu?.model ?? "unknown"}`,
  node: process.version,
  figures,
};
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(run, null, 2)}\n`);

const baseline = values.against === undefined ? undefined : (JSON.parse(readFileSync(values.against, "utf8")) as Run);
const earlier = new Map(baseline?.figures.map((each) => [`${each.scenario}\n${each.name}`, each.value]));
const rows = figures.map((figure) => {
  const before = figure.isComparable ? earlier.get(`${figure.scenario}\n${figure.name}`) : undefined;
  const ratio = before === undefined || before === 0 ? undefined : figure.value / before;
  return { figure, ratio, isMissed: isMissed(figure), isGrown: ratio !== undefined && ratio > grownMax };
});
console.log(`${run.date}, ${run.machine}, Node ${run.node}\n`);
console.log("| scenario | figure | value | unit | target | against baseline |\n| --- | --- | --- | --- | --- | --- |");
for (const { figure, ratio, ...verdict } of rows) {
  const target = figure.target;
  const promise = target === undefined ? "" : "atMost" in target ? `<= ${target.atMost}` : `>= ${target.atLeast}`;
  const cells = [
    figure.scenario,
    figure.name,
    String(figure.value),
    figure.unit,
    verdict.isMissed ? `${promise} **missed**` : promise,
    ratio === undefined ? "" : `${ratio.toFixed(2)}${verdict.isGrown ? " **grown**" : ""}`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
// Sockets of fixtures that were killed may linger.
process.exit(rows.some((row) => row.isMissed || row.isGrown) ? 1 : 0);
