/** Who asks: the bearer token of the request, and what its credential allows. Source: session-traces.md 2.2, contracts/README.md section 3. */
import type { IncomingHttpHeaders } from "node:http";
import type { Credential } from "@nonet/proto/control/credentials.ts";
import { type Problem, unauthorized } from "./problem.ts";

export interface CredentialLookup {
  /** @returns undefined for a token that is unknown, revoked or expired. @throws PipelineError `CONTROL_UNAVAILABLE`. */
  lookup(token: string): Promise<Credential | undefined>;
}

export type Authentication =
  | { readonly credential: Credential; readonly token: string }
  | { readonly problem: Problem };

/** 16 to 4,096 visible ASCII characters. */
const tokenPattern = /^[\x21-\x7e]{16,4096}$/;

export async function authenticate(
  headers: IncomingHttpHeaders,
  credentials: CredentialLookup,
): Promise<Authentication> {
  const bearer = bearerToken(headers.authorization);
  const apiKey = headers["x-api-key"];
  if (bearer === undefined && apiKey === undefined) return { problem: unauthorized(undefined) };
  const token = bearer ?? String(apiKey);
  const contradicts = bearer !== undefined && apiKey !== undefined && bearer !== apiKey;
  if (contradicts || !tokenPattern.test(token)) return { problem: unauthorized('error="invalid_token"') };
  const credential = await credentials.lookup(token);
  return credential === undefined ? { problem: unauthorized('error="invalid_token"') } : { credential, token };
}

/** @returns undefined without a header, or with one of another scheme. */
function bearerToken(header: string | undefined): string | undefined {
  const match = /^bearer(?: +(.*))?$/i.exec(header?.trim() ?? "");
  return match === null ? undefined : (match[1] ?? "").trim();
}
