/**
 * Who a token is, without asking the control database each time.
 *
 *     positive entries   fresh 60 s; while the database is away they go on until 10 minutes after it last said yes
 *     negative entries   fresh 10 s, in a list of their own so that guessed tokens push no real one out
 *
 * Both are bounded and drop what was not used for longest. After a failure the database is left alone for a second, so that a dead one costs
 * one wait and not one a request; and until it answers again, known keys do not wait for it. Source: design.md section 5; contracts/README.md section 3.
 */
import { PipelineError } from "../errors.ts";
import { hashApiKey, isApiKey } from "./api-key-format.ts";
import type { ControlDatabase } from "./control-database.ts";
import type { Scope } from "./scopes.ts";

export interface Credential {
  readonly keyId: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly projectNumber: number;
  readonly scopes: ReadonlySet<Scope>;
  readonly userName?: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs?: number;
}

export interface CredentialCacheOptions {
  /** Milliseconds since 1970; the system's clock when left out. */
  readonly now?: () => number;
  readonly freshMs?: number;
  readonly negativeFreshMs?: number;
  readonly awayMsMax?: number;
  /** Of each of the two lists. */
  readonly entriesMax?: number;
  /** For one look-up; leaves room within the receiver's 8 s. */
  readonly lookupMsMax?: number;
  /** Look-ups in flight; beyond them unknown tokens are told to come back. */
  readonly lookupsMax?: number;
}

export interface CredentialCache {
  /**
   * @returns undefined for a token that is malformed, unknown, revoked or expired: these look the same.
   * @throws PipelineError `CONTROL_UNAVAILABLE` (retryable) for a token not known here while the database is away.
   */
  lookup(token: string): Promise<Credential | undefined>;
}

interface Known {
  readonly credential: Credential;
  readonly checkedAtMs: number;
}

const awayPauseMs = 1_000;

export function createCredentialCache(
  db: Pick<ControlDatabase, "findCredential">,
  options: CredentialCacheOptions = {},
): CredentialCache {
  const { now = Date.now, freshMs = 60_000, negativeFreshMs = 10_000, awayMsMax = 600_000 } = options;
  const { entriesMax = 10_000, lookupMsMax = 3_000, lookupsMax = 256 } = options;
  const known = new Map<string, Known>();
  const unknown = new Map<string, number>();
  const inFlight = new Map<string, Promise<Credential | undefined>>();
  let away = false;
  let askAgainAtMs = 0;

  async function ask(keyHash: string): Promise<Credential | undefined> {
    try {
      const credential = await withinTime(db.findCredential(keyHash), lookupMsMax);
      away = false;
      known.delete(keyHash);
      unknown.delete(keyHash);
      if (credential === undefined) remember(unknown, keyHash, now(), entriesMax);
      else remember(known, keyHash, { credential, checkedAtMs: now() }, entriesMax);
      return credential;
    } catch (error) {
      away = true;
      askAgainAtMs = now() + awayPauseMs;
      throw PipelineError.from(error, "CONTROL_UNAVAILABLE");
    } finally {
      inFlight.delete(keyHash);
    }
  }

  async function askOnce(keyHash: string): Promise<Credential | undefined> {
    const asked = inFlight.get(keyHash);
    if (asked !== undefined) return asked;
    if (now() < askAgainAtMs) throw unavailable("the control database did not answer just now");
    if (inFlight.size >= lookupsMax) throw unavailable(`${lookupsMax} credentials are being looked up already`);
    const asking = ask(keyHash);
    inFlight.set(keyHash, asking);
    return asking;
  }

  async function resolve(keyHash: string): Promise<Credential | undefined> {
    const entry = known.get(keyHash);
    if (entry !== undefined) {
      touch(known, keyHash, entry);
      if (now() - entry.checkedAtMs < freshMs) return entry.credential;
    }
    const missedAtMs = unknown.get(keyHash);
    if (missedAtMs !== undefined && now() - missedAtMs < negativeFreshMs) return undefined;
    const usable = entry !== undefined && now() - entry.checkedAtMs < awayMsMax ? entry : undefined;
    const asking = askOnce(keyHash);
    if (usable === undefined) return asking;
    const orUsable = asking.catch(() => usable.credential);
    return away ? usable.credential : orUsable;
  }

  return {
    async lookup(token) {
      if (!isApiKey(token)) return undefined;
      const credential = await resolve(hashApiKey(token));
      return credential?.expiresAtMs !== undefined && credential.expiresAtMs <= now() ? undefined : credential;
    },
  };
}

function unavailable(reason: string): PipelineError {
  return new PipelineError("CONTROL_UNAVAILABLE", reason);
}

async function withinTime<T>(work: Promise<T>, timeMsMax: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(unavailable(`no answer from the control database within ${timeMsMax} ms`)),
      timeMsMax,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A map keeps the order of insertion: the first entry is the one not used for longest. */
function remember<V>(entries: Map<string, V>, key: string, value: V, entriesMax: number): void {
  const [oldest] = entries.keys();
  if (entries.size >= entriesMax && oldest !== undefined) entries.delete(oldest);
  entries.set(key, value);
}

function touch<V>(entries: Map<string, V>, key: string, value: V): void {
  entries.delete(key);
  entries.set(key, value);
}
