/**
 * One export request, whatever it came over: who sends, is there room, what does it hold, is it durable, what is the answer.
 *
 *     begin   drain? room? -> authenticate -> rate                before a body byte is looked at (otlp-receiver.md rule 87)
 *     receive room? -> wait for a turn -> decompress (bounded) -> walk, mask -> accept -> answer
 *
 * The transports above are thin: they collect a body, hand it in, and write the answer. Nothing here throws at them.
 */
import { isPipelineError, PipelineError } from "@nonet/proto/errors.ts";
import {
  type UndecodableRequest,
  type WalkedGroup,
  type WalkedRequest,
  type WalkOutcome,
  walkExportRequestInSlices,
} from "@nonet/proto/otlp-walk.ts";
import type { Logger } from "pino";
import type { Backlog } from "./backlog.ts";
import { readCredential } from "./credential.ts";
import { type Coding, decompress } from "./decompress.ts";
import { type PartialSuccess, partialSuccess, type RefusedSpan } from "./export-response.ts";
import type { InFlight, InFlightRequest } from "./in-flight.ts";
import type { JsonDecoder } from "./json-decoder.ts";
import { secretMasking } from "./mask-secrets.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Origin, ReceiveMetrics } from "./receive-metrics.ts";
import type { ReceiverConfig } from "./receiver-config.ts";
import type { RetryHint } from "./retry-hint.ts";
import { type Refusal, refusal, refusalFor } from "./status.ts";
import type { Turns } from "./turns.ts";

/** Who sends: decided by the credential alone. */
export interface Sender {
  readonly tenantId: string;
  readonly projectId: string;
}

/** The accepted spans of one request, masked and canonical, in the order they were sent; beside them those that were rejected. */
export interface AcceptedRequest {
  readonly groups: readonly WalkedGroup[];
}

export interface AcceptOutcome {
  /** Spans that can never be stored, e.g. larger than the log's largest record (rule 63); reasons are shown to the sender. */
  readonly refused: RefusedSpan[];
  /** Given to the sender as `nonet-receipt`. */
  readonly receipt?: string;
}

/** What a request may use while it is made durable. */
export interface RequestRoom {
  /** Counts bytes that were made of the request; false when there is no room for them. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** It waits for the log from now on, and others may use the thread. */
  waits(): void;
  /** Nobody waits for its answer any more. */
  isAbandoned(): boolean;
}

export interface ReceiveDeps {
  /** From the credential alone. May throw PipelineError, retryable when the directory of credentials is away. */
  authenticate(
    credential: string | undefined,
    remoteAddress: string,
  ): Promise<Sender | "unauthenticated" | "forbidden">;
  /** Resolves only when all spans but the refused ones are durable in the log; throws PipelineError otherwise. */
  accept(sender: Sender, request: AcceptedRequest, room: RequestRoom): Promise<AcceptOutcome>;
  /** Told of a request that left nothing to store: it was empty, or all of it was rejected. Gives its receipt. */
  acceptNothing?(sender: Sender, request: AcceptedRequest): Promise<string | undefined>;
  now(): number;
  readonly log: Logger;
}

export interface ExportCall {
  readonly origin: Origin;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly remoteAddress: string;
  /** What connections are told apart by. */
  readonly connection: object;
}

/** A request that may send its body. `end` must be called when it has its answer or is gone; what still runs then keeps its bytes counted. */
export interface OpenRequest {
  /** Refuses a body by the length it announces, before it comes. Nothing is reserved: a promise must not keep others out. */
  announce(bytes: number): Refusal | undefined;
  /** Counts body bytes as they come; a refusal when there is no room or they are too many. */
  takeBody(bytes: number): Refusal | undefined;
  receive(body: Buffer, coding: Coding): Promise<ExportAnswer>;
  /** Nobody waits for the answer any more: what has not begun need not begin. */
  abandon(): void;
  /** Counts a refusal that the transport decided after `begin`. */
  countRefused(cause: Refusal): void;
  end(): void;
}

export type ExportAnswer =
  | { readonly outcome: "accepted"; readonly partial: PartialSuccess | undefined; readonly receipt: string | undefined }
  | { readonly outcome: "refused"; readonly refusal: Refusal };

export interface ExportHandler {
  /** Decides from the headers alone. */
  begin(call: ExportCall): Promise<OpenRequest | Refusal>;
  /** Counts a request that was refused without `begin`. */
  countRefused(origin: Origin, cause: Refusal): void;
  startDraining(): void;
}

export interface ExportHandlerParts {
  readonly inFlight: InFlight;
  readonly backlog: Backlog;
  readonly turns: Turns;
  readonly json: JsonDecoder;
  readonly metrics: ReceiveMetrics;
  readonly rateLimit: RateLimit;
  readonly retryHint: RetryHint;
}

/** The hint while draining: another instance, or this one restarted, is there soon (rule 81). */
const drainHintMs = 1_000;
/** What a request costs besides its body, so that the number of waiting requests is bounded too. */
const openRequestBytes = 4_096;
/** What a span costs besides its bytes while its request waits. */
const openSpanBytes = 256;
/** What a compressed body is counted for in the backlog, times its bytes: agents' spans compress five to ten times. */
const compressedWeight = 4;
/** A walk gives way to other requests this often. */
const walkSliceMs = 5;

/** A request that has its turn. */
interface Work {
  readonly origin: Origin;
  readonly sender: Sender;
  readonly request: InFlightRequest;
  readonly body: Buffer;
  readonly coding: Coding;
  readonly room: RequestRoom;
  /** Ends its use of the thread and its place in the backlog. @param finished whether its work came to an end of its own. */
  settled(finished: boolean): void;
  abandon(): void;
}

export function isRefusal(value: OpenRequest | Refusal): value is Refusal {
  return "grpc" in value;
}

export function createExportHandler(
  config: ReceiverConfig,
  deps: ReceiveDeps,
  parts: ExportHandlerParts,
): ExportHandler {
  const { inFlight, backlog, turns, json, metrics, rateLimit, retryHint } = parts;
  let draining = false;

  async function begin(call: ExportCall): Promise<OpenRequest | Refusal> {
    metrics.request(call.origin);
    if (draining) return refuse(call.origin, refusal("DRAINING", "shutting down", { retryAfterMs: drainHintMs }));
    const request = inFlight.begin();
    if (!backlog.hasRoomFor(call.connection) || !request.take(openRequestBytes)) {
      request.end();
      return refuse(call.origin, overloaded());
    }
    try {
      const sender = await deps.authenticate(readCredential(call.headers, config.apiKeyHeader), call.remoteAddress);
      const cause = typeof sender === "string" ? refusedSender(sender) : overRate(sender);
      if (typeof sender === "string" || cause !== undefined) {
        request.end();
        return refuse(call.origin, cause ?? refusal("INTERNAL", "internal error"));
      }
      return open(call, sender, request);
    } catch (caught) {
      request.end();
      return refuse(call.origin, failed(caught));
    }
  }

  function open({ origin, connection }: ExportCall, sender: Sender, request: InFlightRequest): OpenRequest {
    let bodyBytes = 0;
    let running = false;
    let ended = false;
    let abandoned = false;

    async function receive(body: Buffer, coding: Coding): Promise<ExportAnswer> {
      const weight = coding === "identity" ? 1 : compressedWeight;
      const entry = backlog.enter(connection, openRequestBytes + body.length * weight);
      if (entry === undefined) return { outcome: "refused", refusal: overloaded() };
      running = true;
      const endTurn = await turns.take(connection);
      const work: Work = {
        ...{ origin, sender, request, body, coding },
        room: {
          take: (bytes) => request.take(bytes),
          give: (bytes) => request.give(bytes),
          waits: endTurn,
          isAbandoned: () => abandoned,
        },
        settled(finished) {
          endTurn();
          entry.leave(finished);
          running = false;
          if (ended) request.end();
        },
        abandon() {
          abandoned = true;
        },
      };
      try {
        if (!abandoned) return await answerTo(work);
        work.settled(false);
        return { outcome: "refused", refusal: refusal("DEADLINE_EXCEEDED", "nobody waits for the answer") };
      } catch (caught) {
        work.settled(false);
        return { outcome: "refused", refusal: failed(caught) };
      }
    }

    return {
      announce(bytes) {
        if (bytes > config.requestBytesMax) return tooLarge();
        return request.hasRoom(bytes) ? undefined : overloaded();
      },
      takeBody(bytes) {
        bodyBytes += bytes;
        if (bodyBytes > config.requestBytesMax) return tooLarge();
        return request.take(bytes) ? undefined : overloaded();
      },
      async receive(body, coding) {
        const answer = await receive(body, coding);
        if (answer.outcome === "refused") metrics.refused(origin, answer.refusal.code);
        return answer;
      },
      abandon() {
        abandoned = true;
      },
      countRefused: (cause) => metrics.refused(origin, cause.code),
      end() {
        ended = true;
        if (!running) request.end();
      },
    };
  }

  async function answerTo(work: Work): Promise<ExportAnswer> {
    const { origin, sender, request, body, coding, settled } = work;
    const decompressed = await plainBody(request, body, coding);
    if (!Buffer.isBuffer(decompressed)) {
      settled(decompressed.code !== "OVERLOADED");
      return { outcome: "refused", refusal: decompressed };
    }
    metrics.bytes(origin, { before: body.length, after: decompressed.length });
    const walked = await decode(origin, decompressed, request);
    if (walked.outcome !== "walked") {
      settled(true);
      const cause = walked.outcome === "undecodable" ? undecodable(walked) : refusal("TOO_LARGE", walked.reason);
      return { outcome: "refused", refusal: cause };
    }
    metrics.received(origin, walked.spanCount);
    for (const group of walked.groups) for (const { reason } of group.rejected) metrics.rejected(origin, reason, 1);
    const acceptable = walked.spanCount - walked.rejectedCount;
    if (acceptable === 0) {
      const receipt = await deps.acceptNothing?.(sender, walked);
      settled(true);
      return { outcome: "accepted", partial: partialSuccess(walked, []), receipt };
    }
    if (!request.take(acceptable * openSpanBytes)) {
      settled(false);
      metrics.rejected(origin, "overloaded", acceptable);
      return { outcome: "refused", refusal: overloaded() };
    }
    rateLimit.pay(sender.tenantId, acceptable);
    try {
      const outcome = await durable(work, walked);
      metrics.accepted(origin, acceptable - outcome.refused.length);
      if (outcome.refused.length > 0) metrics.rejected(origin, "refused_by_log", outcome.refused.length);
      return { outcome: "accepted", partial: partialSuccess(walked, outcome.refused), receipt: outcome.receipt };
    } catch (caught) {
      const cause = failed(caught);
      metrics.rejected(origin, cause.code.toLowerCase(), acceptable);
      return { outcome: "refused", refusal: cause };
    }
  }

  /** The body as it was before compression; its compressed form no longer counts then. */
  async function plainBody(request: InFlightRequest, body: Buffer, coding: Coding): Promise<Buffer | Refusal> {
    if (coding === "identity") return body;
    const result = await decompress(body, coding, {
      bytesMax: config.requestBytesMax,
      take: (bytes) => request.take(bytes),
    });
    switch (result.outcome) {
      case "bytes":
        request.give(body.length);
        return result.bytes;
      case "too_large":
        return tooLarge();
      case "no_room":
        return overloaded();
      case "damaged":
        return refusal("INVALID_BODY", `the body is not valid ${coding}`);
      default:
        return result satisfies never;
    }
  }

  async function decode(origin: Origin, body: Buffer, request: InFlightRequest): Promise<WalkOutcome> {
    const options = { masking: secretMasking, sliceMsMax: walkSliceMs };
    if (origin.encoding === "protobuf") return walkExportRequestInSlices(body, options);
    const jsonBytes = body.length;
    const encoded = await json.decode(body);
    if (encoded.outcome !== "encoded") return encoded;
    if (!request.take(encoded.bytes.length)) {
      throw new PipelineError("OVERLOADED", "no room for the request in protobuf form");
    }
    request.give(jsonBytes);
    return walkExportRequestInSlices(encoded.bytes, options);
  }

  /** Waits for the log at most the time a sender waits. What still runs then keeps its bytes counted until it ends. */
  async function durable({ sender, room, settled, abandon }: Work, walked: WalkedRequest): Promise<AcceptOutcome> {
    const startMs = performance.now();
    const accepting = (async () => deps.accept(sender, walked, room))();
    accepting.then(
      () => settled(true),
      () => settled(false),
    );
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        abandon();
        reject(new PipelineError("LOG_TIMEOUT", `not durable within ${config.publishTimeoutMs} ms`));
      }, config.publishTimeoutMs);
    });
    try {
      const outcome = await Promise.race([accepting, timeout]);
      metrics.durableAfter((performance.now() - startMs) / 1000);
      return outcome;
    } finally {
      clearTimeout(timer);
    }
  }

  function refuse(origin: Origin, cause: Refusal): Refusal {
    metrics.refused(origin, cause.code);
    return cause;
  }

  function overRate(sender: Sender): Refusal | undefined {
    const waitMs = rateLimit.waitMs(sender.tenantId);
    if (waitMs === undefined) return undefined;
    return refusal("RATE_LIMITED", "over the configured spans per second", { retryAfterMs: waitMs });
  }

  function overloaded(): Refusal {
    return refusal("OVERLOADED", "too many bytes in flight", { retryAfterMs: retryHint.next() });
  }

  function tooLarge(): Refusal {
    return refusal("TOO_LARGE", `request exceeds ${config.requestBytesMax} bytes; export smaller batches`);
  }

  function failed(caught: unknown): Refusal {
    if (!isPipelineError(caught) || caught.code === "INTERNAL") {
      deps.log.error({ err: caught }, "an export request failed inside the receiver");
    }
    const error = PipelineError.from(caught);
    return refusalFor(error, error.retryable ? retryHint.next() : 0);
  }

  return {
    begin,
    countRefused(origin, cause) {
      metrics.request(origin);
      metrics.refused(origin, cause.code);
    },
    startDraining() {
      draining = true;
    },
  };
}

function refusedSender(reason: "unauthenticated" | "forbidden"): Refusal {
  if (reason === "unauthenticated") return refusal("UNAUTHENTICATED", "a valid API key is required");
  return refusal("FORBIDDEN", "the API key lacks the scope ingest:write");
}

function undecodable({ path, reason }: UndecodableRequest): Refusal {
  const where = path === "" ? "" : ` in ${path}`;
  return refusal("INVALID_BODY", `cannot decode the request: ${reason}${where}`, {
    violations: [{ field: path, description: reason }],
  });
}
