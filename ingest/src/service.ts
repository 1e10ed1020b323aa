/** Ingest as a service: the receiver in front of a publisher. Wiring only. */
import type { ControlDatabase } from "@nonet/proto/control/control-database.ts";
import type { CredentialCache } from "@nonet/proto/control/credentials.ts";
import { createQuarantineWriter, type QuarantineWriter } from "@nonet/proto/control/quarantine-writer.ts";
import type { SettingsCache } from "@nonet/proto/control/settings-cache.ts";
import { isLoopback } from "@nonet/proto/listen-address.ts";
import { createReceiptSigner } from "@nonet/proto/receipt.ts";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import type { IngestConfig } from "./config.ts";
import type { DoorEncoding } from "./kafka-door/decode-export.ts";
import { createDoorRecords } from "./kafka-door/door-records.ts";
import { type KafkaDoor, type KafkaDoorConfig, startKafkaDoor } from "./kafka-door/kafka-door.ts";
import { createAcceptSpans } from "./publish/accept-spans.ts";
import { createAcceptWithReceipt } from "./publish/accept-with-receipt.ts";
import { type ApplySettings, createApplySettings } from "./publish/apply-settings.ts";
import type { Publisher } from "./publish/publisher.ts";
import { startQuarantineReplay } from "./quarantine/replay.ts";
import type { InFlight } from "./receive/in-flight.ts";
import type { Sender } from "./receive/receive-export.ts";
import { type Receiver, startReceiver } from "./receive/receiver.ts";
import { toReceiverConfig } from "./receive/receiver-config.ts";

export interface IngestDeps {
  readonly publisher: Publisher;
  readonly credentials: CredentialCache;
  readonly control: Pick<ControlDatabase, "quarantine" | "getProject">;
  /** Signs receipts; the reader's is the same. */
  readonly receiptSecret: Uint8Array;
  /** Topics that Collectors write to; only where there is Kafka. */
  readonly kafkaDoor?: KafkaDoorConfig & {
    readonly encoding: DoorEncoding;
    readonly deadLetters: Publisher;
    ensureTopics(): Promise<void>;
  };
  /** What projects set. */
  readonly settings: Pick<SettingsCache, "current">;
  readonly registry: Registry;
  readonly log: Logger;
  /** Whether records carry the events of Stage A (accept-spans.ts). */
  readonly recordEvents: boolean;
  onFirstSpan?(): void;
  /** Told of what tenants sent, where several processes share the rate. */
  onPaid?(tenantId: string, spans: number): void;
  now(): number;
}

export interface Ingest {
  readonly receiver: Receiver;
  /** The log took something, or answered, lately, and drain has not begun. */
  isReady(): boolean;
  /** Refuses what is new, ends what runs, flushes; safe to call twice. */
  close(): Promise<void>;
}

/** Without a credential on loopback everything is the default project's. */
const defaultSender: Sender = { tenantId: "default", projectId: "default" };

export async function startIngest(config: IngestConfig, deps: IngestDeps): Promise<Ingest> {
  const defects = new Counter({
    name: "nonet_ingest_mapping_defects",
    help: "Spans whose mapping threw and that are kept as plain nodes",
    labelNames: ["rule"],
    registers: [deps.registry],
  });
  let seenFirst = false;
  const acceptSpans = createAcceptSpans(
    { recordEvents: deps.recordEvents },
    {
      publisher: deps.publisher,
      onDefect(ruleId, error) {
        defects.inc({ rule: ruleId });
        deps.log.error({ ruleId, err: error }, "a mapping rule failed; the span is kept as a plain node");
      },
      onFirstSpan() {
        if (!seenFirst) deps.onFirstSpan?.();
        seenFirst = true;
      },
      now: deps.now,
    },
  );
  const held = new Counter({
    name: "nonet_ingest_quarantine_held",
    help: "Rejected spans and unreadable records written to the quarantine",
    registers: [deps.registry],
  });
  const dropped = new Counter({
    name: "nonet_ingest_quarantine_dropped",
    help: "Entries that the quarantine had no room for, by cause",
    labelNames: ["cause"],
    registers: [deps.registry],
  });
  const quarantine = createQuarantineWriter(config, {
    store: deps.control.quarantine,
    onHeld: (count) => held.inc(count),
    onDropped: (cause, count) => dropped.inc({ cause }, count),
    onError: (error) => deps.log.warn({ err: error }, "the quarantine cannot be written; it will be tried again"),
  });
  const receipts = createReceiptSigner(deps.receiptSecret);
  const masked = new Counter({
    name: "nonet_ingest_masked_values",
    help: "Values that masking rules of projects changed; unsearched ones became [masked] whole, as their span was too large to search",
    labelNames: ["outcome"],
    registers: [deps.registry],
  });
  const { settle, rulesOf } = createApplySettings({
    settings: deps.settings,
    onMasked(counts) {
      masked.inc({ outcome: "replaced" }, counts.masked - counts.unsearched);
      masked.inc({ outcome: "unsearched" }, counts.unsearched);
    },
  });
  const accepting = createAcceptWithReceipt({ acceptSpans, settle, receipts, quarantine, now: deps.now });
  const required = authenticationRequired(config);
  if (!required && !onlyLoopback(config)) {
    deps.log.warn("NONET_OTLP_AUTH=off while listening beyond loopback: anyone who reaches the port can write spans");
  }
  const receiver = await startReceiver(toReceiverConfig(config), {
    async authenticate(credential) {
      if (credential === undefined) return required ? "unauthenticated" : defaultSender;
      const known = await deps.credentials.lookup(credential);
      if (known === undefined) return "unauthenticated";
      return known.scopes.has("ingest:write") ? { tenantId: known.tenantId, projectId: known.projectId } : "forbidden";
    },
    ...accepting,
    ...(deps.onPaid === undefined ? {} : { onPaid: deps.onPaid }),
    now: deps.now,
    registry: deps.registry,
    log: deps.log,
  });
  const replay = startQuarantineReplay({
    store: deps.control.quarantine,
    tenantOf: async (projectId) => (await deps.control.getProject(projectId))?.tenantId,
    acceptSpans: async (sender, request) => acceptSpans(sender, await settle(sender.projectId, request)),
    publisher: deps.publisher,
    onError: (error) => deps.log.warn({ err: error }, "a replay did not get through; it will be tried again"),
  });
  const door = openDoor(deps, { ...accepting, rulesOf, offer: quarantine.offer, inFlight: receiver.inFlight });
  let draining = false;
  return {
    receiver,
    isReady: () => !draining && deps.publisher.isHealthy(),
    async close() {
      draining = true;
      await Promise.all([receiver.drain(), door?.close(), replay.close()]);
      await receiver.close();
      await quarantine.close();
      await deps.kafkaDoor?.deadLetters.close();
      await deps.publisher.close();
    },
  };
}

function openDoor(
  deps: IngestDeps,
  way: ReturnType<typeof createAcceptWithReceipt> &
    Pick<QuarantineWriter, "offer"> &
    Pick<ApplySettings, "rulesOf"> & { readonly inFlight: InFlight },
): KafkaDoor | undefined {
  const { kafkaDoor, registry, log } = deps;
  if (kafkaDoor === undefined) return undefined;
  const records = new Counter({
    name: "nonet_kafka_door_records",
    help: "Records of the topics that Collectors write to, by outcome",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const spans = new Counter({
    name: "nonet_kafka_door_spans",
    help: "Spans of those records, by outcome",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const handle = createDoorRecords(kafkaDoor.encoding, {
    accept: way.accept,
    acceptNothing: way.acceptNothing,
    rulesOf: way.rulesOf,
    inFlight: way.inFlight,
    deadLetters: kafkaDoor.deadLetters,
    quarantine: way,
    count(outcome, { accepted, rejected }) {
      records.inc({ outcome });
      spans.inc({ outcome: "accepted" }, accepted);
      spans.inc({ outcome: "rejected" }, rejected);
    },
    now: deps.now,
  });
  return startKafkaDoor(kafkaDoor, {
    ensureTopics: kafkaDoor.ensureTopics,
    handle,
    onError: (error) =>
      log.warn({ err: error }, "records of a Collector's topic were not taken; they will be tried again"),
  });
}

function authenticationRequired(config: IngestConfig): boolean {
  return config.NONET_OTLP_AUTH === undefined ? !onlyLoopback(config) : config.NONET_OTLP_AUTH === "required";
}

function onlyLoopback(config: IngestConfig): boolean {
  return [...config.NONET_OTLP_GRPC_ADDRESS, ...config.NONET_OTLP_HTTP_ADDRESS].every(({ host }) => isLoopback(host));
}
