/** Browsers (otlp-receiver.md rule 89): off unless origins are configured. */
import type { CorsConfig } from "./receiver-config.ts";

export interface Cors {
  /** Headers of an actual response to this origin; `Vary` in any case, the origin only when it is allowed. */
  responseHeaders(origin: string | undefined): Record<string, string>;
  /** Headers of the answer to a preflight. */
  preflightHeaders(origin: string | undefined): Record<string, string>;
}

export function createCors(config: CorsConfig): Cors {
  const patterns = config.origins.map(originPattern);

  function responseHeaders(origin: string | undefined): Record<string, string> {
    if (origin === undefined || !patterns.some((pattern) => pattern.test(origin))) return { vary: "Origin" };
    return {
      vary: "Origin",
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "retry-after, nonet-receipt",
    };
  }

  return {
    responseHeaders,
    preflightHeaders(origin) {
      const { "access-control-expose-headers": _, ...headers } = responseHeaders(origin);
      if (headers["access-control-allow-origin"] === undefined) return headers;
      return {
        ...headers,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": ["content-type", ...config.headers].join(", "),
        "access-control-max-age": String(config.maxAgeSeconds),
      };
    },
  };
}

/** `*` stands for one or more labels of the host name, or for any origin when it stands alone. */
function originPattern(origin: string): RegExp {
  if (origin === "*") return /^.+$/;
  const label = "[A-Za-z0-9_-]+";
  const parts = origin.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(`${label}(?:\\.${label})*`)}$`, "i");
}
