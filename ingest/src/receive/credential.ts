/** The credential of a request: a bearer token, or the configured API-key header (otlp-receiver.md rule 86). */

type HeaderValue = string | readonly string[] | undefined;

/**
 * @param headers lower-case names, as both transports give them.
 * @returns undefined when there is none that can be one.
 */
export function readCredential(
  headers: Readonly<Record<string, HeaderValue>>,
  apiKeyHeader: string,
): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(first(headers["authorization"]) ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const key = first(headers[apiKeyHeader])?.trim();
  return key === "" ? undefined : key;
}

function first(value: HeaderValue): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
