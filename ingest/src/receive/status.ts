/**
 * Refusals: one table from cause to gRPC status, HTTP status and retry (otlp-receiver.md 5.2), and the google.rpc.Status that tells the sender.
 *
 * Retryable by OTLP senders: HTTP 429, 502, 503, 504; gRPC UNAVAILABLE, DEADLINE_EXCEEDED and others, and RESOURCE_EXHAUSTED only with RetryInfo.
 */
import { type ErrorCode, errorCodes, grpcStatus, type PipelineError } from "@nonet/proto/errors.ts";
import { wireType } from "@nonet/proto/protobuf-reader.ts";
import { ReverseWriter } from "@nonet/proto/protobuf-reverse-writer.ts";

export interface FieldViolation {
  /** E.g. `resource_spans[0].scope_spans[2].spans[7].attributes[1]`. */
  readonly field: string;
  readonly description: string;
}

export interface Refusal {
  /** The cause, for counting. */
  readonly code: RefusalCode;
  readonly grpc: number;
  readonly http: number;
  /** English; never payload text, credentials or stack traces (rule 65). */
  readonly message: string;
  /** Given where a retry can help. */
  readonly retryAfterMs: number | undefined;
  readonly violations: readonly FieldViolation[];
}

/** Causes of the receiver alone, beside those of the pipeline. */
const ownCauses = {
  /** Unknown path, signal or method name. */
  UNKNOWN_PATH: { grpc: grpcStatus.UNIMPLEMENTED, http: 404 },
  WRONG_METHOD: { grpc: grpcStatus.UNIMPLEMENTED, http: 405 },
  WRONG_MEDIA_TYPE: { grpc: grpcStatus.INVALID_ARGUMENT, http: 415 },
  /** gRPC answers UNIMPLEMENTED so that the client falls back; HTTP has no such thing. */
  UNKNOWN_CODING: { grpc: grpcStatus.UNIMPLEMENTED, http: 400 },
  /** A stream that is not one gRPC message. */
  BAD_FRAMING: { grpc: grpcStatus.INTERNAL, http: 400 },
  /** The body did not arrive in time. */
  BODY_TIMEOUT: { grpc: grpcStatus.DEADLINE_EXCEEDED, http: 408 },
} as const;

export type RefusalCode = ErrorCode | keyof typeof ownCauses;

export function refusal(
  code: RefusalCode,
  message: string,
  options: { readonly retryAfterMs?: number; readonly violations?: readonly FieldViolation[] } = {},
): Refusal {
  const row = isOwnCause(code) ? ownCauses[code] : errorCodes[code];
  return {
    code,
    grpc: row.grpc,
    http: row.http,
    message,
    retryAfterMs: options.retryAfterMs,
    violations: options.violations ?? [],
  };
}

/**
 * What a failure further down means to the sender. The message is that of the code, since an error's own may name hosts or hold data.
 *
 * @param hintMs when to try again, where a retry can help.
 */
export function refusalFor(error: PipelineError, hintMs: number): Refusal {
  const row = errorCodes[error.code];
  const codeIsRetryable = row.http === 429 || row.http === 503 || row.http === 504;
  if (error.retryable) {
    const code = codeIsRetryable ? error.code : "LOG_UNAVAILABLE";
    return refusal(code, errorCodes[code].meaning, { retryAfterMs: hintMs });
  }
  if (codeIsRetryable || row.grpc === grpcStatus.INTERNAL) return refusal("INTERNAL", "internal error");
  return refusal(error.code, row.meaning);
}

function isOwnCause(code: RefusalCode): code is keyof typeof ownCauses {
  return Object.hasOwn(ownCauses, code);
}

const retryInfoType = "type.googleapis.com/google.rpc.RetryInfo";
const badRequestType = "type.googleapis.com/google.rpc.BadRequest";

/** google.rpc.Status in protobuf: 1 code, 2 message, 3 details. */
export function statusToProtobuf(status: Refusal): Uint8Array {
  const writer = new ReverseWriter(256);
  if (status.retryAfterMs !== undefined) {
    const delay = status.retryAfterMs;
    writeAny(writer, retryInfoType, () => {
      const end = writer.length;
      const nanos = (delay % 1000) * 1_000_000;
      if (nanos > 0) writeVarint(writer, 2, nanos);
      if (delay >= 1000) writeVarint(writer, 1, Math.floor(delay / 1000));
      writer.lengthTo(end);
      writer.tag(1, wireType.bytes);
    });
  }
  if (status.violations.length > 0) {
    writeAny(writer, badRequestType, () => {
      for (const violation of status.violations.toReversed()) {
        const end = writer.length;
        writeText(writer, 2, violation.description);
        if (violation.field !== "") writeText(writer, 1, violation.field);
        writer.lengthTo(end);
        writer.tag(1, wireType.bytes);
      }
    });
  }
  if (status.message !== "") writeText(writer, 2, status.message);
  writeVarint(writer, 1, status.grpc);
  return writer.finish();
}

/** google.rpc.Status as protobuf JSON: details are objects with `@type`. */
export function statusToJson(status: Refusal): string {
  const details: object[] = [];
  if (status.violations.length > 0) details.push({ "@type": badRequestType, fieldViolations: status.violations });
  if (status.retryAfterMs !== undefined) {
    details.push({ "@type": retryInfoType, retryDelay: durationText(status.retryAfterMs) });
  }
  return JSON.stringify({
    code: status.grpc,
    message: status.message,
    ...(details.length === 0 ? {} : { details }),
  });
}

/** `Retry-After` in whole seconds, rounded up, at least 1 (rule 64). */
export function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000));
}

/** protobuf JSON of a Duration: 0 or 3 decimals. */
function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${(ms / 1000).toFixed(3)}s`;
}

function writeAny(writer: ReverseWriter, type: string, writeValue: () => void): void {
  const end = writer.length;
  const valueEnd = writer.length;
  writeValue();
  writer.lengthTo(valueEnd);
  writer.tag(2, wireType.bytes);
  writeText(writer, 1, type);
  writer.lengthTo(end);
  writer.tag(3, wireType.bytes);
}

function writeText(writer: ReverseWriter, fieldNumber: number, text: string): void {
  writer.text(text);
  writer.tag(fieldNumber, wireType.bytes);
}

function writeVarint(writer: ReverseWriter, fieldNumber: number, value: number): void {
  writer.varint(BigInt(value));
  writer.tag(fieldNumber, wireType.varint);
}
