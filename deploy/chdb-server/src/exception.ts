/**
 * Errors as ClickHouse words them: `Code: 62. DB::Exception: Syntax error ... (SYNTAX_ERROR)`. The engine throws such text, we throw such
 * text for what we refuse ourselves, and the HTTP layer sends it as it is: `@clickhouse/client` reads code and type out of it.
 */

/** What this server refuses on its own account, with the number ClickHouse has for the same thing. */
const ownCodes = {
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  UNKNOWN_SETTING: 115,
  READONLY: 164,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  TOO_MANY_BYTES: 307,
  CANNOT_DECOMPRESS: 271,
  QUERY_WAS_CANCELLED: 394,
  SETTING_CONSTRAINT_VIOLATION: 452,
  UNKNOWN_QUERY_PARAMETER: 456,
  AUTHENTICATION_FAILED: 516,
  BAD_ARGUMENTS: 36,
} as const;

export function exception(type: keyof typeof ownCodes, message: string): Error {
  return new Error(`Code: ${ownCodes[type]}. DB::Exception: ${message}. (${type})`);
}

/** The number of an error of the engine or of ours; 1001 (STD_EXCEPTION) for anything else, which is a defect. */
export function toException(caught: unknown): { code: number; text: string } {
  const message = caught instanceof Error ? caught.message : String(caught);
  const code = /^Code: (\d+)\./.exec(message)?.[1];
  if (code !== undefined) return { code: Number(code), text: message };
  return { code: 1001, text: `Code: 1001. DB::Exception: ${message}. (STD_EXCEPTION)` };
}

/** As ClickHouse's own server maps them; 503 is also what it says when it is full. */
const statusByCode: Readonly<Record<number, number>> = {
  27: 400, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  36: 400, // BAD_ARGUMENTS
  38: 400, // CANNOT_PARSE_DATE
  41: 400, // CANNOT_PARSE_DATETIME
  46: 404, // UNKNOWN_FUNCTION
  47: 404, // UNKNOWN_IDENTIFIER
  48: 501, // NOT_IMPLEMENTED
  50: 404, // UNKNOWN_TYPE
  53: 400, // TYPE_MISMATCH
  60: 404, // UNKNOWN_TABLE
  62: 400, // SYNTAX_ERROR
  72: 400, // CANNOT_PARSE_NUMBER
  73: 404, // UNKNOWN_FORMAT
  81: 404, // UNKNOWN_DATABASE
  115: 404, // UNKNOWN_SETTING
  159: 408, // TIMEOUT_EXCEEDED
  202: 503, // TOO_MANY_SIMULTANEOUS_QUERIES
  271: 400, // CANNOT_DECOMPRESS
  307: 413, // TOO_MANY_BYTES
  452: 403, // SETTING_CONSTRAINT_VIOLATION
  456: 400, // UNKNOWN_QUERY_PARAMETER
  457: 400, // BAD_QUERY_PARAMETER
  516: 403, // AUTHENTICATION_FAILED
};

export function httpStatusOf(code: number): number {
  return statusByCode[code] ?? 500;
}
