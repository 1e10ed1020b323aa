/** Records that the log deleted before anybody processed them: counted, and named by partition and offsets. */
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";

/** Offsets from `from` to before `to` are lost. */
export type OnGap = (partition: number, from: bigint, to: bigint) => void;

export function createGapReporter(registry: Registry, log: Logger): OnGap {
  const gaps = new Counter({
    name: "nonet_processor_gap_records",
    help: "Records that retention deleted before they were read",
    registers: [registry],
  });
  return (partition, from, to) => {
    gaps.inc(Number(to - from));
    log.error(
      { partition, from: from.toString(), to: to.toString(), records: Number(to - from) },
      "retention deleted records before they were read: their spans are lost here; send them again if their senders still have them",
    );
  };
}
