/** RFC 9457 problem bodies. Source: session-traces.md 2.3. A problem is a value that a handler returns; only defects and dependencies throw. */

export type ParameterErrorCode =
  | "UNKNOWN_PARAMETER"
  | "UNKNOWN_VALUE"
  | "MALFORMED"
  | "OUT_OF_RANGE"
  | "REPEATED"
  | "CONFLICT";

export interface ParameterError {
  parameter: string;
  code: ParameterErrorCode;
  detail: string;
  allowed?: readonly string[];
}

const kinds = {
  INVALID_PARAMETER: { status: 400, suffix: "invalid-parameter", title: "Invalid request parameter" },
  INVALID_CURSOR: { status: 400, suffix: "invalid-cursor", title: "Invalid cursor" },
  INVALID_BODY: { status: 400, suffix: "invalid-body", title: "Invalid request body" },
  UNAUTHORIZED: { status: 401, suffix: "unauthorized", title: "Unauthorized" },
  FORBIDDEN: { status: 403, suffix: "forbidden", title: "Forbidden" },
  NOT_FOUND: { status: 404, suffix: "not-found", title: "Not found" },
  METHOD_NOT_ALLOWED: { status: 405, suffix: "method-not-allowed", title: "Method not allowed" },
  NOT_ACCEPTABLE: { status: 406, suffix: "not-acceptable", title: "Not acceptable" },
  CONFLICT: { status: 409, suffix: "conflict", title: "Conflict" },
  AMBIGUOUS_SPAN: { status: 409, suffix: "ambiguous-span", title: "Ambiguous span" },
  PAYLOAD_TOO_LARGE: { status: 413, suffix: "payload-too-large", title: "Payload too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, suffix: "unsupported-media-type", title: "Unsupported media type" },
  URI_TOO_LONG: { status: 414, suffix: "uri-too-long", title: "URI too long" },
  HEAD_TOO_LARGE: { status: 431, suffix: "head-too-large", title: "Request head too large" },
  RATE_LIMIT_EXCEEDED: { status: 429, suffix: "rate-limit-exceeded", title: "Rate limit exceeded" },
  INTERNAL_ERROR: { status: 500, suffix: "internal-error", title: "Internal error" },
  SERVICE_UNAVAILABLE: { status: 503, suffix: "service-unavailable", title: "Service unavailable" },
} as const;

export type ProblemCode = keyof typeof kinds;

export const problemCodes = Object.keys(kinds) as readonly ProblemCode[];

export interface Problem {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Further members of the body, after the common ones. */
  readonly members: Readonly<Record<string, unknown>>;
}

export function statusOf(code: ProblemCode): number {
  return kinds[code].status;
}

export function problemBody(problem: Problem, requestId: string): Record<string, unknown> {
  const kind = kinds[problem.code];
  return {
    type: `urn:problem-type:trace:${kind.suffix}`,
    title: kind.title,
    status: kind.status,
    detail: problem.detail,
    code: problem.code,
    requestId,
    ...problem.members,
  };
}

/** One and the same for everything that does not exist or is not visible. */
export const notFound: Problem = {
  code: "NOT_FOUND",
  detail: "The resource does not exist or is not visible to this token.",
  headers: {},
  members: {},
};

export const invalidCursor: Problem = {
  code: "INVALID_CURSOR",
  detail: "The cursor is malformed or was issued for another request.",
  headers: {},
  members: {},
};

export function invalidParameters(errors: readonly ParameterError[]): Problem {
  const count = errors.length === 1 ? "1 query parameter is" : `${errors.length} query parameters are`;
  return { code: "INVALID_PARAMETER", detail: `${count} not valid.`, headers: {}, members: { errors } };
}

/** @param problems  sentences that name the member and what is wrong with it. */
export function invalidBody(problems: readonly string[]): Problem {
  return { code: "INVALID_BODY", detail: problems.join(" "), headers: {}, members: {} };
}

/** @param detail  what changed meanwhile, and what to do. */
export function conflict(detail: string): Problem {
  return { code: "CONFLICT", detail, headers: {}, members: {} };
}

/** What is left of the body is not read. */
export function payloadTooLarge(bytesMax: number): Problem {
  const detail = `The body is larger than ${bytesMax} bytes.`;
  return { code: "PAYLOAD_TOO_LARGE", detail, headers: { Connection: "close" }, members: {} };
}

export function unsupportedMediaType(supported: string): Problem {
  return { code: "UNSUPPORTED_MEDIA_TYPE", detail: `The body must be ${supported}.`, headers: {}, members: {} };
}

/** @param challenge  parameters of the `WWW-Authenticate` header after the realm, e.g. `error="invalid_token"`. */
export function unauthorized(challenge: string | undefined): Problem {
  return {
    code: "UNAUTHORIZED",
    detail: "A valid bearer token is required.",
    headers: { "WWW-Authenticate": `Bearer realm="traces"${challenge === undefined ? "" : `, ${challenge}`}` },
    members: {},
  };
}

/** @param scopes  those of which one is enough. */
export function forbidden(scopes: string | readonly string[]): Problem {
  const names = [scopes].flat();
  return {
    code: "FORBIDDEN",
    detail: `The token lacks the scope ${names.join(" or ")}.`,
    headers: { "WWW-Authenticate": `Bearer realm="traces", error="insufficient_scope", scope="${names.join(" ")}"` },
    members: {},
  };
}

export function methodNotAllowed(allow: string): Problem {
  return { code: "METHOD_NOT_ALLOWED", detail: `Allowed here: ${allow}.`, headers: { Allow: allow }, members: {} };
}

export function notAcceptable(available: readonly string[]): Problem {
  return {
    code: "NOT_ACCEPTABLE",
    detail: `Available here: ${available.join(", ")}.`,
    headers: {},
    members: {},
  };
}

export function rateLimitExceeded(retryAfterMs: number, detail: string): Problem {
  return {
    code: "RATE_LIMIT_EXCEEDED",
    detail,
    headers: { "Retry-After": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) },
    members: { retryAfterMs },
  };
}

export const serviceUnavailable: Problem = {
  code: "SERVICE_UNAVAILABLE",
  detail: "The trace store cannot be reached at the moment.",
  headers: { "Retry-After": "2" },
  members: {},
};

export const internalError: Problem = {
  code: "INTERNAL_ERROR",
  detail: "The request could not be answered. The request id identifies it in the server's log.",
  headers: {},
  members: {},
};

export const uriTooLong: Problem = {
  code: "URI_TOO_LONG",
  detail: "The request target is longer than 8192 bytes.",
  headers: {},
  members: {},
};

/** Beyond what the server reads of a head at all; a target that it can read is told apart by `uriTooLong`. */
export const headTooLarge: Problem = {
  code: "HEAD_TOO_LARGE",
  detail: "The request's head is longer than 65536 bytes.",
  headers: {},
  members: {},
};
