/**
 * A typed client of the HTTP API: paths, parameters and bodies are those of the OpenAPI document, so a call that the server would refuse for
 * its form does not compile. Runs in browsers and in Node.
 */
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./gen/api-types.ts";

export type ApiClient = Client<paths, `${string}/${string}`>;

/** A body of the API by its name in the OpenAPI document, e.g. `ApiSchema<"TraceEvent">`. */
export type ApiSchema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export interface ApiClientOptions {
  /** Scheme and authority, with the prefix of a deployment below a path; without a slash at the end. */
  readonly url: string;
  /** Sent as the bearer token. Without it only `/openapi.json` and the like answer. */
  readonly token?: string;
  /** Stands in for the global `fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

/** Answers are `{data}` or `{error}`, with the `response`; only a broken connection throws. */
export function createApiClient({ url, token, fetch }: ApiClientOptions): ApiClient {
  return createClient<paths, `${string}/${string}`>({
    baseUrl: url,
    // Lists are one parameter with commas, as session-traces.md 2.4 has them.
    querySerializer: { array: { style: "form", explode: false } },
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(fetch === undefined ? {} : { fetch }),
  });
}
