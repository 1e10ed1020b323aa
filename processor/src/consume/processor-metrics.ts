/** What the processor reports about itself, on the admin port. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type ProcessorMetrics = ReturnType<typeof createProcessorMetrics>;

export function createProcessorMetrics(registry: Registry) {
  const registers = [registry];
  return {
    records: new Counter({ name: "nonet_processor_records", help: "Records of the log that were stored", registers }),
    deadLetters: new Counter({
      name: "nonet_processor_dead_letters",
      help: "Records that will never be processed and are kept with their reason",
      registers,
    }),
    quarantineHeld: new Counter({
      name: "nonet_processor_quarantine_held",
      help: "Dead letters written to the quarantine",
      registers,
    }),
    quarantineDropped: new Counter({
      name: "nonet_processor_quarantine_dropped",
      help: "Entries that the quarantine had no room for, by cause; dead letters stay with the log",
      labelNames: ["cause"],
      registers,
    }),
    defects: new Counter({
      name: "nonet_processor_mapping_defects",
      help: "Spans whose mapping threw and that are kept as plain nodes",
      labelNames: ["rule"],
      registers,
    }),
    copyCommands: new Counter({
      name: "nonet_processor_copy_commands",
      help: "Commands to owners of traces that tell of the same model call",
      registers,
    }),
    projectionFailures: new Counter({
      name: "nonet_processor_projection_failures",
      help: "Writes to the hot projection that did not happen; reads fall through to the store",
      registers,
    }),
    rolledWindows: new Counter({
      name: "nonet_processor_rolled_windows",
      help: "Closed hours and days that were computed into one row",
      registers,
    }),
    rollFailures: new Counter({
      name: "nonet_processor_roll_failures",
      help: "Rounds of rolling that failed; readers sum points meanwhile",
      registers,
    }),
    auditedHours: new Counter({
      name: "nonet_processor_audited_hours",
      help: "Hours that the audit recounted",
      registers,
    }),
    auditDrift: new Gauge({
      name: "nonet_processor_audit_drift",
      help: "What drifted in the last round of the audit, by kind; always 0",
      labelNames: ["kind"],
      registers,
    }),
    auditRepairs: new Counter({
      name: "nonet_processor_audit_repairs",
      help: "What the audit found drifted and had repaired, by kind; always 0",
      labelNames: ["kind"],
      registers,
    }),
    batchSeconds: new Histogram({
      name: "nonet_processor_batch_seconds",
      help: "Time from a batch of records to its commit",
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    hotTraces: new Gauge({
      name: "nonet_processor_hot_traces",
      help: "Traces kept in memory",
      labelNames: ["partition"],
      registers,
    }),
  };
}
