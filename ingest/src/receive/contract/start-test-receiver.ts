/** A receiver on free ports of loopback with a log in memory, for the contract tests. The real log is tested end to end elsewhere. */
import pino from "pino";
import { Registry } from "prom-client";
import type { AcceptedRequest, AcceptOutcome, Sender } from "../receive-export.ts";
import { type Receiver, startReceiver } from "../receiver.ts";
import { type ReceiverConfig, receiverDefaults } from "../receiver-config.ts";

export interface PublishedSpan {
  readonly sender: Sender;
  readonly traceId: string;
  readonly spanId: string;
  readonly bytes: Uint8Array;
  readonly resourceBytes: Uint8Array;
  readonly resourceSchemaUrl: string;
  readonly scopeBytes: Uint8Array;
  readonly scopeSchemaUrl: string;
}

export interface TestReceiver extends AsyncDisposable {
  readonly receiver: Receiver;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly httpUrl: string;
  readonly registry: Registry;
  /** What was accepted, in order. */
  readonly published: PublishedSpan[];
  /** What the log does with a request instead of taking it; undefined takes it. */
  logBehaviour: ((sender: Sender, request: AcceptedRequest) => Promise<AcceptOutcome>) | undefined;
  /** Credentials by key; the others are unknown. Empty: no credential is needed. */
  readonly keys: Map<string, Sender | "forbidden">;
  /** Thrown by the next authentications. */
  authenticationError: Error | undefined;
}

export async function startTestReceiver(config: Partial<ReceiverConfig> = {}): Promise<TestReceiver> {
  const published: PublishedSpan[] = [];
  const registry = new Registry();
  const keys = new Map<string, Sender | "forbidden">();
  const noSender: Sender = { tenantId: "default", projectId: "default" };
  const test = { logBehaviour: undefined, authenticationError: undefined } as Pick<
    TestReceiver,
    "logBehaviour" | "authenticationError"
  >;
  const receiver = await startReceiver(
    {
      ...receiverDefaults,
      grpcAddresses: [{ host: "127.0.0.1", port: 0 }],
      httpAddresses: [{ host: "127.0.0.1", port: 0 }],
      ...config,
    },
    {
      async authenticate(credential) {
        if (test.authenticationError !== undefined) throw test.authenticationError;
        if (keys.size === 0) return noSender;
        return (credential === undefined ? undefined : keys.get(credential)) ?? "unauthenticated";
      },
      async accept(sender, request, room) {
        room.waits();
        if (test.logBehaviour !== undefined) return test.logBehaviour(sender, request);
        for (const { spans, ...group } of request.groups) {
          for (const span of spans) published.push({ sender, ...group, ...span });
        }
        return { refused: [] };
      },
      now: Date.now,
      log: pino({ enabled: false }),
      registry,
    },
  );
  const grpcPort = receiver.grpcAddresses[0]?.port ?? 0;
  const httpPort = receiver.httpAddresses[0]?.port ?? 0;
  return Object.assign(test, {
    receiver,
    grpcPort,
    httpPort,
    httpUrl: `http${config.tls === undefined ? "" : "s"}://127.0.0.1:${httpPort}/v1/traces`,
    registry,
    published,
    keys,
    [Symbol.asyncDispose]: () => receiver.close(),
  });
}
