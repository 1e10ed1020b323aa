/** Project settings in the control database: the current version with the project, all versions in a table that is only appended to. */
import { PipelineError } from "../errors.ts";
import { appendAudit } from "./audit-log.ts";
import type { ControlConnection } from "./control-connection.ts";
import { type ProjectSettings, parseStoredSettings, type VersionedSettings } from "./project-settings.ts";
import { isProjectId } from "./projects.ts";

/** Bytes of a project's settings as JSON. */
const settingsBytesMax = 65_536;

export interface SettingsChange {
  /** The version that `settings` replaces. */
  readonly expectedVersion: number;
  readonly settings: ProjectSettings;
  /** Who: `cli` or the id of an API key. */
  readonly actor: string;
}

export interface StoredSettings extends VersionedSettings {
  /** Undefined before the first change. */
  readonly changedAtMs: number | undefined;
  readonly changedBy: string | undefined;
}

/** @returns the settings in force; undefined when there is no such project. */
export async function loadProjectSettings(
  { db }: ControlConnection,
  projectId: string,
): Promise<StoredSettings | undefined> {
  if (!isProjectId(projectId)) return undefined;
  const row = await db
    .selectFrom("projects")
    .leftJoin("project_settings", (join) =>
      join
        .onRef("project_settings.project_id", "=", "projects.id")
        .onRef("project_settings.version", "=", "projects.settings_version"),
    )
    .select([
      "projects.settings",
      "projects.settings_version",
      "project_settings.changed_at_ms",
      "project_settings.actor",
    ])
    .where("projects.id", "=", projectId)
    .executeTakeFirst();
  return (
    row && {
      version: row.settings_version,
      settings: parseStoredSettings(row.settings, projectId),
      changedAtMs: row.changed_at_ms ?? undefined,
      changedBy: row.actor ?? undefined,
    }
  );
}

/** @returns the settings as they were then; undefined for a version that never was. */
export async function loadSettingsVersion(
  { db }: ControlConnection,
  projectId: string,
  version: number,
): Promise<ProjectSettings | undefined> {
  const row = await db
    .selectFrom("project_settings")
    .select("settings")
    .where("project_id", "=", projectId)
    .where("version", "=", version)
    .executeTakeFirst();
  return row && parseStoredSettings(row.settings, `${projectId}, version ${version},`);
}

/**
 * Replaces the settings if they still are what the caller read.
 *
 * @returns the new version; undefined when another change came first, or there is no such project: read again.
 * @throws PipelineError `TOO_LARGE` for more than 64 KiB of JSON.
 */
export async function saveProjectSettings(
  connection: ControlConnection,
  projectId: string,
  change: SettingsChange,
): Promise<number | undefined> {
  if (!isProjectId(projectId)) return undefined;
  const settings = JSON.stringify(change.settings);
  const bytes = Buffer.byteLength(settings);
  if (bytes > settingsBytesMax) {
    throw new PipelineError("TOO_LARGE", `settings of ${bytes} bytes exceed settingsBytesMax ${settingsBytesMax}`);
  }
  const version = change.expectedVersion + 1;
  return connection.db.transaction().execute(async (transaction) => {
    const row = await transaction
      .updateTable("projects")
      .set({ settings, settings_version: version })
      .where("id", "=", projectId)
      .where("settings_version", "=", change.expectedVersion)
      .returning("tenant_id")
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const nowMs = connection.now();
    await transaction
      .insertInto("project_settings")
      .values({ project_id: projectId, version, settings, changed_at_ms: nowMs, actor: change.actor })
      .execute();
    await appendAudit(transaction, nowMs, {
      tenantId: row.tenant_id,
      projectId,
      actor: change.actor,
      action: "project.settings_changed",
      subject: projectId,
      detail: { version },
    });
    return version;
  });
}
