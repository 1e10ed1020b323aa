/**
 * The settings of projects without asking the control database each time.
 *
 *     in force      fresh 5 s; while the database is away the last known ones go on: better masked by an old rule than by none
 *     by version    for ever, since a version never changes
 *
 * Both are bounded and drop what was not used for longest. After a failure the database is left alone for a second.
 */
import { PipelineError } from "../errors.ts";
import type { ControlDatabase } from "./control-database.ts";
import { noSettings, type ProjectSettings, type VersionedSettings } from "./project-settings.ts";

export interface SettingsCacheOptions {
  /** Milliseconds since 1970; the system's clock when left out. */
  readonly now?: () => number;
  readonly freshMs?: number;
  /** Of each of the two lists. */
  readonly entriesMax?: number;
}

export interface SettingsCache {
  /**
   * Those in force. The same object until they change, so what is made of them can be kept with it.
   * @throws PipelineError `CONTROL_UNAVAILABLE` (retryable) while the database is away and the project was never asked for here.
   */
  current(projectId: string): Promise<VersionedSettings>;
  /**
   * Those of a version. A version that the database does not have is one without settings.
   * @throws PipelineError `CONTROL_UNAVAILABLE` (retryable).
   */
  at(projectId: string, version: number): Promise<ProjectSettings>;
  /** They were changed by this process: asks again at once. */
  forget(projectId: string): void;
}

interface Known {
  readonly settings: VersionedSettings;
  readonly checkedAtMs: number;
}

const awayPauseMs = 1_000;

export function createSettingsCache(
  db: Pick<ControlDatabase, "getProjectSettings" | "getSettingsVersion">,
  options: SettingsCacheOptions = {},
): SettingsCache {
  const { now = Date.now, freshMs = 5_000, entriesMax = 1_000 } = options;
  const known = new Map<string, Known>();
  const versions = new Map<string, ProjectSettings>();
  const asking = new Map<string, Promise<VersionedSettings>>();
  let askAgainAtMs = 0;

  async function ask(projectId: string): Promise<VersionedSettings> {
    const before = known.get(projectId)?.settings;
    const found = (await db.getProjectSettings(projectId)) ?? noSettings;
    return before !== undefined && before.version === found.version
      ? before
      : { version: found.version, settings: found.settings };
  }

  async function askOnce(projectId: string): Promise<VersionedSettings> {
    const running = asking.get(projectId);
    if (running !== undefined) return running;
    if (now() < askAgainAtMs) {
      throw new PipelineError("CONTROL_UNAVAILABLE", "the control database did not answer just now");
    }
    const started = ask(projectId);
    asking.set(projectId, started);
    try {
      const settings = await started;
      // Unless they were changed meanwhile.
      if (asking.get(projectId) === started) remember(known, projectId, { settings, checkedAtMs: now() }, entriesMax);
      return settings;
    } catch (caught) {
      askAgainAtMs = now() + awayPauseMs;
      throw PipelineError.from(caught, "CONTROL_UNAVAILABLE");
    } finally {
      if (asking.get(projectId) === started) asking.delete(projectId);
    }
  }

  return {
    async current(projectId) {
      const entry = known.get(projectId);
      if (entry !== undefined && now() - entry.checkedAtMs < freshMs) {
        remember(known, projectId, entry, entriesMax);
        return entry.settings;
      }
      if (entry === undefined) return askOnce(projectId);
      return askOnce(projectId).catch(() => entry.settings);
    },
    async at(projectId, version) {
      if (version === 0) return noSettings.settings;
      const key = `${projectId}\n${version}`;
      const settings = versions.get(key) ?? (await db.getSettingsVersion(projectId, version)) ?? noSettings.settings;
      remember(versions, key, settings, entriesMax);
      return settings;
    },
    forget(projectId) {
      asking.delete(projectId);
      const entry = known.get(projectId);
      if (entry !== undefined) known.set(projectId, { ...entry, checkedAtMs: Number.NEGATIVE_INFINITY });
    },
  };
}

/** A map keeps the order of insertion: the first entry is the one not used for longest. */
function remember<V>(entries: Map<string, V>, key: string, value: V, entriesMax: number): void {
  entries.delete(key);
  const [oldest] = entries.keys();
  if (entries.size >= entriesMax && oldest !== undefined) entries.delete(oldest);
  entries.set(key, value);
}
