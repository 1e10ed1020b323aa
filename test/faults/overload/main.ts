/** `node test/faults/overload/main.ts [kafka|standalone] [seconds]`: the figures of docs/reliability.md, and an exit code. */
import { type FloodSettings, measureFlood, measureStoppedLog } from "./measure-overload.ts";
import { startKafkaTarget, startStandaloneTarget } from "./overload-target.ts";

const [shape = "kafka", seconds = "60"] = process.argv.slice(2);
const durationMs = Number(seconds) * 1_000;
const floods: readonly Pick<FloodSettings, "transport" | "spansPerRequest">[] = [
  { transport: "http", spansPerRequest: 64 },
  { transport: "grpc", spansPerRequest: 256 },
  { transport: "http", spansPerRequest: 1 },
];

const target = await (shape === "standalone" ? startStandaloneTarget({}) : startKafkaTarget({}));
let missed = false;
try {
  // Warms up.
  await measureFlood(target, { transport: "http", spansPerRequest: 64, times: 1, peakMs: 5_000, floodMs: 3_000 });
  for (const flood of floods) {
    const measured = await measureFlood(target, { ...flood, times: 2, peakMs: durationMs / 3, floodMs: durationMs });
    missed ||= Math.max(measured.byCpu, measured.byClock) < 0.9 && flood.spansPerRequest > 1;
    print({
      ...{ target: target.name, overload: "twice the capacity", ...flood },
      byClock: share(measured.byClock),
      byCpu: share(measured.byCpu),
      peakSpansPerSecond: Math.round(measured.peak.spansPerSecond),
      floodSpansPerSecond: Math.round(measured.flood.spansPerSecond),
      peakMegabytes: [measured.peak.peakMegabytes, measured.flood.peakMegabytes],
      result: { ...measured.flood.result, acceptedAtMs: undefined },
    });
  }
  const { stopped, peakMegabytes, recoveredAfterMs } = await measureStoppedLog(target, durationMs);
  missed ||= recoveredAfterMs > 5_000;
  print({
    ...{ target: target.name, overload: "log stopped", peakMegabytes, recoveredAfterMs },
    stopped: stopped.map((result) => ({ ...result, acceptedAtMs: undefined })),
  });
} finally {
  await target.close();
}
process.exit(missed ? 1 : 0);

function print(figures: object): void {
  console.log(JSON.stringify(figures));
}

function share(ratio: number): string {
  return `${Math.round(ratio * 100)}%`;
}
