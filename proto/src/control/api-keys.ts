import { randomUUID } from "node:crypto";
import { PipelineError } from "../errors.ts";
import { createApiKey, displayPrefix, hashApiKey, isApiKey } from "./api-key-format.ts";
import { appendAudit } from "./audit-log.ts";
import { type ControlConnection, type ControlTransaction, changeExclusively } from "./control-connection.ts";
import type { Credential } from "./credentials.ts";
import { findProject, insertProject, isProjectId, type Project } from "./projects.ts";
import { isScope, type Scope, scopes } from "./scopes.ts";

const userNameLengthMax = 256;
const listedKeysMax = 10_000;

export interface NewKey {
  readonly projectId: string;
  /** At least one. */
  readonly scopes: readonly Scope[];
  readonly userName?: string;
  /** Milliseconds since 1970, in the future. Left out: never. */
  readonly expiresAtMs?: number;
  readonly actor: string;
}

export interface CreatedKey {
  readonly id: string;
  /** Shown once: only its hash is kept. */
  readonly apiKey: string;
  readonly tenantId: string;
  readonly projectId: string;
}

export interface ListedKey {
  readonly id: string;
  readonly prefix: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly scopes: readonly Scope[];
  readonly userName: string | undefined;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
}

export interface FirstCredential {
  readonly created: boolean;
  /** The key, if this call made or was given one. */
  readonly apiKey?: string;
}

/**
 * @throws PipelineError `NOT_FOUND` when there is no such project, `INVALID_BODY` when the key could never be used.
 */
export async function createKey(connection: ControlConnection, key: NewKey): Promise<CreatedKey> {
  assertNewKey(key, connection.now());
  return connection.db.transaction().execute(async (transaction) => {
    const project = await findProject(transaction, key.projectId);
    if (project === undefined) throw new PipelineError("NOT_FOUND", `there is no project ${key.projectId}`);
    const apiKey = createApiKey();
    const id = await insertKey(transaction, connection.now(), { ...key, project, apiKey });
    return { id, apiKey, tenantId: project.tenantId, projectId: project.id };
  });
}

/**
 * Sees to it that a first key exists, for tenant `default` and project `default` (number 1), with all scopes. Of many processes at once one
 * makes it. A given key is added unless it was ever known, so a revoked one stays revoked; earlier keys stay valid until they are revoked.
 *
 * @param given Left out: a key is made only while there are none at all.
 * @throws PipelineError `CONFIG_INVALID` for a given key that is not 16 to 4,096 visible ASCII characters.
 */
export async function ensureFirstCredential(
  connection: ControlConnection,
  given: { apiKey?: string },
): Promise<FirstCredential> {
  if (given.apiKey !== undefined && !isApiKey(given.apiKey)) {
    throw new PipelineError("CONFIG_INVALID", "NONET_API_KEY must have 16 to 4096 visible ASCII characters");
  }
  return changeExclusively(connection, async (transaction) => {
    const nowMs = connection.now();
    const project = await ensureDefaultProject(transaction, nowMs);
    const existing = transaction.selectFrom("api_keys").select("id").limit(1);
    const found = await (given.apiKey === undefined
      ? existing
      : existing.where("key_hash", "=", hashApiKey(given.apiKey))
    ).executeTakeFirst();
    if (found !== undefined) return { created: false, ...given };
    const apiKey = given.apiKey ?? createApiKey();
    await insertKey(transaction, nowMs, { scopes, actor: "start", project, apiKey });
    return { created: true, apiKey };
  });
}

/** @returns false when there is no such key, or it was revoked before. Caches notice within their 60 s. */
export async function revokeKey(connection: ControlConnection, keyId: string, actor: string): Promise<boolean> {
  if (!/^[0-9a-f-]{36}$/.test(keyId)) return false;
  const nowMs = connection.now();
  return connection.db.transaction().execute(async (transaction) => {
    const row = await transaction
      .updateTable("api_keys")
      .set({ revoked_at_ms: nowMs })
      .where("id", "=", keyId)
      .where("revoked_at_ms", "is", null)
      .returning("project_id")
      .executeTakeFirst();
    if (row === undefined) return false;
    const project = await findProject(transaction, row.project_id);
    if (project === undefined) throw new PipelineError("INTERNAL", `key ${keyId} has no project`);
    await appendAudit(transaction, nowMs, {
      tenantId: project.tenantId,
      projectId: project.id,
      actor,
      action: "api_key.revoked",
      subject: keyId,
      detail: {},
    });
    return true;
  });
}

/** In the order of making, revoked and expired ones too; at most 10,000. */
export async function listKeys({ db }: ControlConnection, filter: { projectId?: string }): Promise<ListedKey[]> {
  if (filter.projectId !== undefined && !isProjectId(filter.projectId)) return [];
  const keys = selectKeys(db).orderBy("api_keys.created_at_ms").orderBy("api_keys.id").limit(listedKeysMax);
  const rows = await (filter.projectId === undefined
    ? keys
    : keys.where("api_keys.project_id", "=", filter.projectId)
  ).execute();
  return rows.map((row) => ({
    id: row.id,
    prefix: row.prefix,
    tenantId: row.tenant_id,
    projectId: row.project_id,
    scopes: parseScopes(row.scopes),
    userName: row.user_name ?? undefined,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms ?? undefined,
    revokedAtMs: row.revoked_at_ms ?? undefined,
  }));
}

/** @returns undefined for a key that is unknown, revoked or expired. */
export async function findCredential(connection: ControlConnection, keyHash: string): Promise<Credential | undefined> {
  const row = await selectKeys(connection.db)
    .where("api_keys.key_hash", "=", keyHash)
    .where("api_keys.revoked_at_ms", "is", null)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (row.expires_at_ms !== null && row.expires_at_ms <= connection.now()) return undefined;
  return {
    keyId: row.id,
    tenantId: row.tenant_id,
    projectId: row.project_id,
    projectNumber: row.project_number,
    scopes: new Set(parseScopes(row.scopes)),
    ...(row.user_name === null ? {} : { userName: row.user_name }),
    ...(row.expires_at_ms === null ? {} : { expiresAtMs: row.expires_at_ms }),
  };
}

function selectKeys(db: ControlConnection["db"]) {
  return db
    .selectFrom("api_keys")
    .innerJoin("projects", "projects.id", "api_keys.project_id")
    .select([
      "api_keys.id",
      "api_keys.prefix",
      "api_keys.project_id",
      "api_keys.scopes",
      "api_keys.user_name",
      "api_keys.created_at_ms",
      "api_keys.expires_at_ms",
      "api_keys.revoked_at_ms",
      "projects.tenant_id",
      "projects.number as project_number",
    ]);
}

async function ensureDefaultProject(transaction: ControlTransaction, nowMs: number): Promise<Project> {
  const existing = await findProject(transaction, "default");
  if (existing !== undefined) return existing;
  const project = { tenantId: "default", id: "default", number: 1, actor: "start" };
  const created = await insertProject(transaction, nowMs, project);
  if (created === undefined) {
    throw new PipelineError("CONFIG_INVALID", "project number 1 belongs to another project than `default`");
  }
  return created;
}

async function insertKey(
  transaction: ControlTransaction,
  nowMs: number,
  key: Omit<NewKey, "projectId"> & { project: Project; apiKey: string },
): Promise<string> {
  const row = {
    id: randomUUID(),
    key_hash: hashApiKey(key.apiKey),
    prefix: displayPrefix(key.apiKey),
    project_id: key.project.id,
    scopes: JSON.stringify(key.scopes),
    user_name: key.userName ?? null,
    created_at_ms: nowMs,
    expires_at_ms: key.expiresAtMs ?? null,
    revoked_at_ms: null,
  };
  await transaction.insertInto("api_keys").values(row).execute();
  await appendAudit(transaction, nowMs, {
    tenantId: key.project.tenantId,
    projectId: key.project.id,
    actor: key.actor,
    action: "api_key.created",
    subject: row.id,
    detail: { prefix: row.prefix, scopes: key.scopes, userName: row.user_name, expiresAtMs: row.expires_at_ms },
  });
  return row.id;
}

function assertNewKey(key: NewKey, nowMs: number): void {
  if (key.scopes.length === 0)
    throw new PipelineError("INVALID_BODY", `a key needs at least one scope of ${scopes.join(", ")}`);
  if (key.userName !== undefined && (key.userName === "" || key.userName.length > userNameLengthMax)) {
    throw new PipelineError("INVALID_BODY", `a user name has 1 to ${userNameLengthMax} characters`);
  }
  // A zero byte is the one character that PostgreSQL does not store.
  if (key.userName?.includes("\0")) throw new PipelineError("INVALID_BODY", "a user name holds no zero byte");
  if (key.expiresAtMs !== undefined && !(Number.isSafeInteger(key.expiresAtMs) && key.expiresAtMs > nowMs)) {
    throw new PipelineError("INVALID_BODY", "a key expires in the future");
  }
}

/** A scope that a later version gave and this one does not know allows nothing here. */
function parseScopes(json: string): Scope[] {
  const names: unknown = JSON.parse(json);
  return Array.isArray(names) ? names.filter((name) => typeof name === "string").filter(isScope) : [];
}
