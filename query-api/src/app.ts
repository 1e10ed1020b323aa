/** The HTTP API as an Express app, without a port. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { ProcessedPosition } from "@nonet/proto/control/processed-positions.ts";
import type { QuarantineStore } from "@nonet/proto/control/quarantine.ts";
import type { Projection } from "@nonet/proto/projection/projection.ts";
import { createReceiptSigner } from "@nonet/proto/receipt.ts";
import express, { type Express } from "express";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { RateLimiterAbstract } from "rate-limiter-flexible";
import { diagnosticsBasePath, diagnosticsOperation } from "./diagnostics/operation.ts";
import { sendProblem } from "./http/answer.ts";
import type { CredentialLookup } from "./http/authentication.ts";
import { answerFailures, beginRequest } from "./http/begin-request.ts";
import { createCursorCodec } from "./http/cursor.ts";
import { createOperationRouter } from "./http/operation-router.ts";
import { notFound } from "./http/problem.ts";
import { requestState } from "./http/request-state.ts";
import type { LiveConfig } from "./live/live-config.ts";
import { liveBasePath, liveOperations } from "./live/operations.ts";
import { buildOpenapiDocument } from "./openapi/document.ts";
import { createReferenceRouter } from "./openapi/reference-router.ts";
import { projectMetricsBasePath, projectMetricsOperation } from "./project-metrics/operation.ts";
import {
  type ProjectSettingsDeps,
  projectSettingsBasePath,
  projectSettingsOperations,
} from "./project-settings/operations.ts";
import { quarantineBasePath, quarantineOperations } from "./quarantine/operations.ts";
import { receiptOperation, receiptsBasePath } from "./receipts/operation.ts";
import { sessionOperations, sessionsBasePath } from "./session-traces/operations.ts";
import { createSessionLoader } from "./session-traces/session-loader.ts";
import type { SessionView } from "./session-traces/session-view.ts";
import { createClickhouseReader, type ReaderLimits } from "./store/clickhouse-reader.ts";
import { createTraceReader, type StoredTrace } from "./store/stored-trace.ts";
import { createWeightedCache } from "./store/weighted-cache.ts";
import { tenantTraceOperations, tenantTracesBasePath } from "./tenant-traces/operations.ts";

export interface AppDeps {
  readonly clickhouse: ClickHouseClient;
  readonly credentials: CredentialLookup;
  readonly projection: Projection;
  readonly rateLimiter: RateLimiterAbstract;
  /** Milliseconds since 1970. Statuses depend on it. */
  now(): number;
  /** At least 32 bytes; the same in all processes that serve one client. */
  readonly cursorSecret: Buffer;
  /** As ingest's. */
  readonly receiptSecret: Buffer;
  /** How far the partitions of a topic are processed. */
  positionsOf(topic: string): Promise<ReadonlyMap<number, ProcessedPosition>>;
  /** How long after its time a receipt is answered. */
  readonly receiptRetentionMs: number;
  readonly quarantine: QuarantineStore;
  readonly settings: ProjectSettingsDeps;
  readonly log: Logger;
  readonly registry: Registry;
  readonly readerLimits: ReaderLimits;
  /** Characters of stored spans whose traces are kept mapped; a trace takes a few times that in memory. */
  readonly traceCacheCharactersMax: number;
  readonly live: LiveConfig;
  /** Aborted when the service closes: answers that last end. */
  readonly closing: AbortSignal;
}

export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.use(beginRequest(deps));

  const reader = createClickhouseReader(deps.clickhouse, deps.readerLimits);
  const traces = createTraceReader(reader, createWeightedCache<StoredTrace>(deps.traceCacheCharactersMax));
  const sessions = createSessionLoader({
    reader,
    traces,
    views: createWeightedCache<SessionView>(deps.traceCacheCharactersMax),
    now: deps.now,
  });
  const cursors = createCursorCodec(deps.cursorSecret);
  const live = liveOperations({ ...deps, config: deps.live, reader, traces, cursors });
  const apis = [
    {
      basePath: sessionsBasePath,
      operations: [...sessionOperations({ reader, traces, sessions, now: deps.now }), live.session],
    },
    { basePath: liveBasePath, operations: [live.project] },
    { basePath: tenantTracesBasePath, operations: tenantTraceOperations({ reader, traces, now: deps.now }) },
    {
      basePath: projectMetricsBasePath,
      operations: [projectMetricsOperation({ reader, projection: deps.projection, now: deps.now })],
    },
    { basePath: projectSettingsBasePath, operations: projectSettingsOperations(deps) },
    {
      basePath: diagnosticsBasePath,
      operations: [diagnosticsOperation({ reader, quarantine: deps.quarantine, now: deps.now })],
    },
    { basePath: quarantineBasePath, operations: quarantineOperations(deps) },
    {
      basePath: receiptsBasePath,
      operations: [
        receiptOperation({
          receipts: createReceiptSigner(deps.receiptSecret),
          positionsOf: deps.positionsOf,
          quarantine: deps.quarantine,
          retentionMs: deps.receiptRetentionMs,
          now: deps.now,
        }),
      ],
    },
  ];
  const routerDeps = {
    credentials: deps.credentials,
    rateLimiter: deps.rateLimiter,
    cursors,
    now: deps.now,
  };

  app.use(createReferenceRouter(() => buildOpenapiDocument(apis)));
  for (const { basePath, operations } of apis) app.use(createOperationRouter(basePath, operations, routerDeps));
  app.use((_request, response) => sendProblem(notFound, response, requestState(response).requestId));
  app.use(answerFailures(deps.log));
  return app;
}
