/**
 * The only error class and the flat list of its codes. docs/errors.md is generated from `errorCodes`.
 * Source: style.md section 7.
 */

/** gRPC status codes that we answer with. */
export const grpcStatus = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

interface ErrorCodeRow {
  readonly meaning: string;
  readonly retryable: boolean;
  readonly http: number;
  readonly grpc: number;
  readonly level: "debug" | "info" | "warn" | "error";
}

const rows = {
  INVALID_BODY: row(
    "the request body is not a message of the expected type",
    false,
    400,
    grpcStatus.INVALID_ARGUMENT,
    "info",
  ),
  TOO_LARGE: row("a size limit was exceeded", false, 413, grpcStatus.RESOURCE_EXHAUSTED, "info"),
  UNAUTHENTICATED: row("no credential, or one that is not valid", false, 401, grpcStatus.UNAUTHENTICATED, "info"),
  FORBIDDEN: row("the credential lacks a scope", false, 403, grpcStatus.PERMISSION_DENIED, "info"),
  NOT_FOUND: row("the resource does not exist or is not visible", false, 404, grpcStatus.NOT_FOUND, "debug"),
  RATE_LIMITED: row("this sender is over its rate", true, 429, grpcStatus.RESOURCE_EXHAUSTED, "info"),
  OVERLOADED: row("a queue or the bytes in flight are at their limit", true, 503, grpcStatus.UNAVAILABLE, "warn"),
  DRAINING: row("the process is shutting down", true, 503, grpcStatus.UNAVAILABLE, "info"),
  LOG_UNAVAILABLE: row(
    "the log (Kafka, or the SQLite log) cannot be written or read",
    true,
    503,
    grpcStatus.UNAVAILABLE,
    "error",
  ),
  LOG_TIMEOUT: row(
    "the log did not confirm in time; the records may or may not be there",
    true,
    503,
    grpcStatus.UNAVAILABLE,
    "error",
  ),
  STORE_UNAVAILABLE: row(
    "the ClickHouse store cannot be reached or refused the work for now",
    true,
    503,
    grpcStatus.UNAVAILABLE,
    "error",
  ),
  STORE_REJECTED: row(
    "the store refused a statement that will never succeed",
    false,
    500,
    grpcStatus.INTERNAL,
    "error",
  ),
  CONTROL_UNAVAILABLE: row("the control database cannot be reached", true, 503, grpcStatus.UNAVAILABLE, "error"),
  PROJECTION_UNAVAILABLE: row("Redis cannot be reached", true, 503, grpcStatus.UNAVAILABLE, "warn"),
  RECORD_UNREADABLE: row("a record of the topic cannot be decoded", false, 500, grpcStatus.INTERNAL, "error"),
  RECORD_TOO_LARGE: row(
    "a span does not fit the largest record of the log",
    false,
    413,
    grpcStatus.RESOURCE_EXHAUSTED,
    "info",
  ),
  CONFIG_INVALID: row("the configuration is not valid", false, 500, grpcStatus.INTERNAL, "error"),
  ADDRESS_IN_USE: row("a listen address is already used", false, 500, grpcStatus.INTERNAL, "error"),
  DIRECTORY_IN_USE: row("a data directory is locked by another process", false, 500, grpcStatus.INTERNAL, "error"),
  LEASE_LOST: row("the partition now belongs to another owner", true, 503, grpcStatus.UNAVAILABLE, "warn"),
  DEADLINE_EXCEEDED: row("the caller's own deadline passed", true, 504, grpcStatus.DEADLINE_EXCEEDED, "info"),
  INTERNAL: row("a defect of ours", false, 500, grpcStatus.INTERNAL, "error"),
} satisfies Record<string, ErrorCodeRow>;

function row(
  meaning: string,
  retryable: boolean,
  http: number,
  grpc: number,
  level: ErrorCodeRow["level"],
): ErrorCodeRow {
  return { meaning, retryable, http, grpc, level };
}

export type ErrorCode = keyof typeof rows;

/** Meaning, whether a retry can cure it by default, HTTP and gRPC status, log level. */
export const errorCodes: Readonly<Record<ErrorCode, ErrorCodeRow>> = rows;

/** Callers branch on `code`; never on message text, nor on `instanceof` across packages. */
export class PipelineError extends Error {
  override readonly name = "PipelineError";
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(`[${code}] ${message}`, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? errorCodes[code].retryable;
  }

  /** Wraps whatever was caught; a PipelineError passes unchanged. */
  static from(caught: unknown, code: ErrorCode = "INTERNAL"): PipelineError {
    if (isPipelineError(caught)) return caught;
    const message = caught instanceof Error ? caught.message : String(caught);
    return new PipelineError(code, message, { cause: caught });
  }
}

export function isPipelineError(value: unknown): value is PipelineError {
  return value instanceof Error && value.name === "PipelineError" && "code" in value && "retryable" in value;
}
