/**
 * The control database: who may come in, what projects want, which writer owns a partition. PostgreSQL (15 or later), or a SQLite file when
 * embedded; the same typed queries and migrations for both. Source: design.md section 5.
 */
import { Kysely } from "kysely";
import { PipelineError } from "../errors.ts";
import {
  type CreatedKey,
  createKey,
  ensureFirstCredential,
  type FirstCredential,
  findCredential,
  type ListedKey,
  listKeys,
  type NewKey,
  revokeKey,
} from "./api-keys.ts";
import { listAudit, type StoredAuditEntry } from "./audit-log.ts";
import type { ControlConnection } from "./control-connection.ts";
import { controlError } from "./control-error.ts";
import type { Credential } from "./credentials.ts";
import { migrateControl } from "./migrations.ts";
import { nextOwnerEpoch } from "./owner-epochs.ts";
import { createPostgresDialect } from "./postgres-dialect.ts";
import { loadPriceTable, savePriceTable } from "./price-tables.ts";
import {
  loadProcessedPositions,
  type OwnedPosition,
  type ProcessedPosition,
  saveProcessedPositions,
} from "./processed-positions.ts";
import type { ProjectSettings } from "./project-settings.ts";
import { createProject, findProject, listProjects, type NewProject, type Project } from "./projects.ts";
import { createQuarantineStore, type QuarantineStore } from "./quarantine.ts";
import type { ControlTables } from "./schema.ts";
import { ensureSecret } from "./secrets.ts";
import {
  loadProjectSettings,
  loadSettingsVersion,
  type SettingsChange,
  type StoredSettings,
  saveProjectSettings,
} from "./settings-store.ts";
import { createSqliteDialect } from "./sqlite-dialect.ts";

export interface ControlDatabaseConfig {
  /** `postgres://user:password@host:port/database`, or `sqlite:/path/control.db`, or `sqlite::memory:` in tests. */
  readonly url: string;
  /** Milliseconds since 1970; the system's clock when left out. */
  readonly now?: () => number;
}

/** Every method throws PipelineError `CONTROL_UNAVAILABLE` (retryable) when the database is away, and what its function says. */
export interface ControlDatabase extends AsyncDisposable {
  /** Before anything else; by every process at its start. */
  migrate(): Promise<number>;
  ensureFirstCredential(given?: { apiKey?: string }): Promise<FirstCredential>;
  createKey(key: NewKey): Promise<CreatedKey>;
  revokeKey(keyId: string, actor: string): Promise<boolean>;
  listKeys(filter?: { projectId?: string }): Promise<ListedKey[]>;
  findCredential(keyHash: string): Promise<Credential | undefined>;
  createProject(project: NewProject): Promise<Project | undefined>;
  getProject(projectId: string): Promise<Project | undefined>;
  listProjects(): Promise<Project[]>;
  getProjectSettings(projectId: string): Promise<StoredSettings | undefined>;
  getSettingsVersion(projectId: string, version: number): Promise<ProjectSettings | undefined>;
  setProjectSettings(projectId: string, change: SettingsChange): Promise<number | undefined>;
  savePriceTable(name: string, text: string): Promise<void>;
  loadPriceTable(name: string): Promise<string | undefined>;
  nextOwnerEpoch(topic: string, partition: number): Promise<number>;
  ensureSecret(name: string): Promise<Buffer>;
  saveProcessedPositions(topic: string, positions: readonly OwnedPosition[]): Promise<void>;
  loadProcessedPositions(topic: string): Promise<ReadonlyMap<number, ProcessedPosition>>;
  readonly quarantine: QuarantineStore;
  /** Newest first. */
  listAudit(tenantId: string, countMax: number): Promise<StoredAuditEntry[]>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/**
 * PostgreSQL is not asked yet; a SQLite file is opened, and made where there is none.
 *
 * @throws PipelineError `CONFIG_INVALID` for another kind of URL, `CONTROL_UNAVAILABLE` when the file cannot be opened.
 */
export function openControlDatabase(config: ControlDatabaseConfig): ControlDatabase {
  const connection = connect(config);
  const quarantine = createQuarantineStore(connection);
  const close = () => answer(() => connection.db.destroy());
  return {
    migrate: () => answer(() => migrateControl(connection)),
    ensureFirstCredential: (given = {}) => answer(() => ensureFirstCredential(connection, given)),
    createKey: (key) => answer(() => createKey(connection, key)),
    revokeKey: (keyId, actor) => answer(() => revokeKey(connection, keyId, actor)),
    listKeys: (filter = {}) => answer(() => listKeys(connection, filter)),
    findCredential: (keyHash) => answer(() => findCredential(connection, keyHash)),
    createProject: (project) => answer(() => createProject(connection, project)),
    getProject: (projectId) => answer(() => findProject(connection.db, projectId)),
    listProjects: () => answer(() => listProjects(connection)),
    getProjectSettings: (projectId) => answer(() => loadProjectSettings(connection, projectId)),
    getSettingsVersion: (projectId, version) => answer(() => loadSettingsVersion(connection, projectId, version)),
    setProjectSettings: (projectId, change) => answer(() => saveProjectSettings(connection, projectId, change)),
    savePriceTable: (name, text) => answer(() => savePriceTable(connection, name, text)),
    loadPriceTable: (name) => answer(() => loadPriceTable(connection, name)),
    nextOwnerEpoch: (topic, partition) => answer(() => nextOwnerEpoch(connection, topic, partition)),
    ensureSecret: (name) => answer(() => ensureSecret(connection, name)),
    saveProcessedPositions: (topic, positions) => answer(() => saveProcessedPositions(connection, topic, positions)),
    loadProcessedPositions: (topic) => answer(() => loadProcessedPositions(connection, topic)),
    quarantine: {
      add: (entries, limits) => answer(() => quarantine.add(entries, limits)),
      list: (projectId, filter, countMax) => answer(() => quarantine.list(projectId, filter, countMax)),
      get: (projectId, id) => answer(() => quarantine.get(projectId, id)),
      countByReason: (projectId) => answer(() => quarantine.countByReason(projectId)),
      requestReplay: (projectId, selection) => answer(() => quarantine.requestReplay(projectId, selection)),
      claimReplays: (countMax) => answer(() => quarantine.claimReplays(countMax)),
      finishReplay: (id, outcome) => answer(() => quarantine.finishReplay(id, outcome)),
    },
    listAudit: (tenantId, countMax) => answer(() => listAudit(connection, tenantId, countMax)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function answer<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw controlError(error);
  }
}

function connect({ url, now = Date.now }: ControlDatabaseConfig): ControlConnection {
  if (/^postgres(ql)?:\/\//.test(url)) {
    if (!URL.canParse(url)) throw new PipelineError("CONFIG_INVALID", "DATABASE_URL is not a URL");
    return { db: new Kysely<ControlTables>({ dialect: createPostgresDialect(url) }), dialect: "postgres", now };
  }
  const path = sqlitePath(url);
  try {
    return { db: new Kysely<ControlTables>({ dialect: createSqliteDialect(path) }), dialect: "sqlite", now };
  } catch (error) {
    throw new PipelineError("CONTROL_UNAVAILABLE", `cannot open the control database ${path}`, { cause: error });
  }
}

/** The path is taken as it stands, without percent escapes; `sqlite:///path` is understood too. */
function sqlitePath(url: string): string {
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1];
  // The URL may hold a password: it is not repeated.
  if (path === undefined)
    throw new PipelineError("CONFIG_INVALID", "DATABASE_URL must start with postgres:// or sqlite:");
  return path;
}
