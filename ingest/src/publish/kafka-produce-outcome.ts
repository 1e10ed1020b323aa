import { findErrorBy, type ProduceResult, ResponseError } from "@platformatic/kafka";

/** What one request meant for each of its partitions. */
export interface ProduceOutcome {
  /** Offset of the first record, for each partition that the broker confirmed. */
  readonly baseOffsets: ReadonlyMap<number, bigint>;
  failureOf(partition: number): ProduceFailure;
}

export interface ProduceFailure {
  readonly error: unknown;
  /** The batch exceeds what the topic takes. */
  readonly tooLarge: boolean;
  /** "no" when the broker said so; "unknown" when no answer came, or one that leaves it open. */
  readonly written: "no" | "unknown";
}

/** Codes with which a broker has, or may have, appended the batch and did not see it replicated. */
const appendedCodes = new Set([
  7, // REQUEST_TIMED_OUT
  20, // NOT_ENOUGH_REPLICAS_AFTER_APPEND
]);
const tooLargeCodes = new Set([
  10, // MESSAGE_TOO_LARGE
  18, // RECORD_LIST_TOO_LARGE
]);

interface PartitionResponse {
  readonly index: number;
  readonly errorCode: number;
  readonly baseOffset: bigint;
}

/**
 * Reads what the client returned or threw. An error of one partition makes the client throw for all of the request: then the broker's answer
 * is inside of the error.
 */
export function readProduceOutcome(
  topic: string,
  sent: { readonly result: ProduceResult } | { readonly error: unknown },
): ProduceOutcome {
  const baseOffsets = new Map<number, bigint>();
  const codes = new Map<number, number>();
  const offsets = "result" in sent ? sent.result.offsets : producedBeside(sent.error);
  for (const placed of offsets ?? []) {
    if (placed.topic === topic && placed.offset >= 0n) baseOffsets.set(placed.partition, placed.offset);
  }
  if ("error" in sent) {
    for (const { index, errorCode, baseOffset } of partitionResponses(sent.error)) {
      if (errorCode === 0 && baseOffset >= 0n) baseOffsets.set(index, baseOffset);
      if (errorCode !== 0) codes.set(index, errorCode);
    }
  }
  const error = "error" in sent ? sent.error : new Error("Kafka's answer leaves out a partition of the request");
  const neverSent = isConnectionRefused(error);
  return {
    baseOffsets,
    failureOf(partition) {
      const code = codes.get(partition);
      const written = code === undefined ? !neverSent : appendedCodes.has(code);
      return {
        error,
        tooLarge: code !== undefined && tooLargeCodes.has(code),
        written: written ? "unknown" : "no",
      };
    },
  };
}

/** A connection that was refused carried nothing. */
function isConnectionRefused(error: unknown): boolean {
  const network = error instanceof Error ? findErrorBy(error, "code", "PLT_KFK_NETWORK") : null;
  return network?.cause instanceof Error && "code" in network.cause && network.cause.code === "ECONNREFUSED";
}

/** Offsets of other brokers' partitions, where the client split the request. */
function producedBeside(error: unknown): ProduceResult["offsets"] {
  return error instanceof Error && "produced" in error ? (error.produced as ProduceResult).offsets : undefined;
}

function partitionResponses(error: unknown): PartitionResponse[] {
  if (!(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? error.errors.flatMap(partitionResponses) : [];
  if (!("code" in error && error.code === ResponseError.code && "response" in error)) return inner;
  // The client's own type of a Produce response, which it does not declare on the error.
  const { responses } = error.response as { responses: { partitionResponses: PartitionResponse[] }[] };
  return [...inner, ...responses.flatMap(({ partitionResponses: each }) => each)];
}
