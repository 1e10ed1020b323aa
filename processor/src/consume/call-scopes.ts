/**
 * Whether a project has model calls of more than one instrumentation scope. Only then can two traces tell of one call, and only then is the
 * store asked about copies; most projects have one.
 *
 * Nothing may be missed when the second scope appears at another processor. So what is known is believed for `leaseMs` from before it was read;
 * and nobody looks for copies before the second scope is older than that: by then, whoever still believed in a single one has written its rows,
 * and they are found. A project that has two scopes has them for ever.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { CallReports } from "../store/clickhouse/call-reports.ts";

export interface CallScopes {
  /**
   * Notes that the project has calls of these scopes.
   *
   * @returns whether it has several, as of now.
   * @throws PipelineError `STORE_UNAVAILABLE`.
   */
  haveSeveral(projectId: string, scopes: ReadonlySet<string>): Promise<boolean>;
  /** Resolves when every other processor knows that the project has several. */
  settled(projectId: string): Promise<void>;
}

export interface CallScopesConfig {
  /** 0 where no other process writes to the store. */
  readonly leaseMs: number;
}

interface KnownScopes {
  readonly scopes: ReadonlySet<string>;
  /** Monotonic. */
  readonly readMs: number;
  readonly settledMs: number;
}

/** Projects whose scopes are kept in memory; others are read again. */
const projectsMax = 10_000;

export function createCallScopes(
  config: CallScopesConfig,
  deps: { reports: Pick<CallReports, "scopesOf" | "addScopes">; elapsed(): number },
): CallScopes {
  const known = new Map<string, KnownScopes>();

  async function read(projectId: string): Promise<KnownScopes> {
    const readMs = deps.elapsed();
    const rows = await deps.reports.scopesOf(projectId);
    // The oldest come first: several there are since the last of these.
    const settledMs = deps.elapsed() + config.leaseMs - (rows.at(-1)?.ageMs ?? 0);
    const entry = { scopes: new Set(rows.map((row) => row.scope)), readMs, settledMs };
    known.delete(projectId);
    if (known.size >= projectsMax) known.delete(known.keys().next().value ?? "");
    known.set(projectId, entry);
    return entry;
  }

  function isBelieved(entry: KnownScopes): boolean {
    return entry.scopes.size > 1 || config.leaseMs === 0 || deps.elapsed() - entry.readMs < config.leaseMs;
  }

  return {
    async haveSeveral(projectId, scopes) {
      let entry = known.get(projectId);
      if (entry === undefined || !isBelieved(entry)) entry = await read(projectId);
      if (entry.scopes.size > 1) return true;
      const added = [...scopes].filter((scope) => !entry?.scopes.has(scope));
      if (added.length === 0) return false;
      await deps.reports.addScopes(projectId, added);
      // Another may have added one at the same time: of two that do, at least one reads what the other wrote.
      entry = await read(projectId);
      return entry.scopes.size > 1;
    },
    async settled(projectId) {
      const waitMs = (known.get(projectId)?.settledMs ?? 0) - deps.elapsed();
      if (waitMs > 0) await delay(waitMs);
    },
  };
}
