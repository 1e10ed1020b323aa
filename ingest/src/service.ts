/** Ingest as a service: the receiver in front of a publisher. Wiring only. */
import type { CredentialCache } from "@nonet/proto/control/credentials.ts";
import { isLoopback } from "@nonet/proto/listen-address.ts";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import type { IngestConfig } from "./config.ts";
import { createAcceptSpans } from "./publish/accept-spans.ts";
import type { Publisher } from "./publish/publisher.ts";
import type { Sender } from "./receive/receive-export.ts";
import { type Receiver, startReceiver } from "./receive/receiver.ts";
import { toReceiverConfig } from "./receive/receiver-config.ts";

export interface IngestDeps {
  readonly publisher: Publisher;
  readonly credentials: CredentialCache;
  settingsVersionOf(projectId: string): number;
  readonly registry: Registry;
  readonly log: Logger;
  /** Whether records carry the events of Stage A (accept-spans.ts). */
  readonly recordEvents: boolean;
  onFirstSpan?(): void;
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
  const accept = createAcceptSpans(
    { recordEvents: deps.recordEvents },
    {
      publisher: deps.publisher,
      settingsVersionOf: deps.settingsVersionOf,
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
    accept,
    now: deps.now,
    registry: deps.registry,
    log: deps.log,
  });
  let draining = false;
  return {
    receiver,
    isReady: () => !draining && deps.publisher.isHealthy(),
    async close() {
      draining = true;
      await receiver.drain();
      await receiver.close();
      await deps.publisher.close();
    },
  };
}

function authenticationRequired(config: IngestConfig): boolean {
  return config.NONET_OTLP_AUTH === undefined ? !onlyLoopback(config) : config.NONET_OTLP_AUTH === "required";
}

function onlyLoopback(config: IngestConfig): boolean {
  return [...config.NONET_OTLP_GRPC_ADDRESS, ...config.NONET_OTLP_HTTP_ADDRESS].every(({ host }) => isLoopback(host));
}
