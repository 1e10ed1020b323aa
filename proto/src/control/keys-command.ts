/** `nonet keys create|list|revoke`: arguments in, lines out. Opening the database and printing are the command line's. */
import { parseArgs } from "node:util";
import { PipelineError } from "../errors.ts";
import type { ListedKey } from "./api-keys.ts";
import type { ControlDatabase } from "./control-database.ts";
import type { Project } from "./projects.ts";
import { isScope, type Scope, scopes, scopesOfNewKey } from "./scopes.ts";

export const keysUsage = `nonet keys create [--project ID] [--tenant ID] [--scopes a,b|all] [--without-content] [--user NAME] [--expires-days N]
nonet keys list [--project ID] [--json]
nonet keys revoke KEY_ID
scopes: ${scopes.join(" ")}`;

const dayMs = 86_400_000;
const actor = "cli";

/**
 * @param args what follows `nonet keys`.
 * @returns lines for standard output. `create` gives the key as its only line, so that `KEY=$(nonet keys create)` works.
 * @throws PipelineError `CONFIG_INVALID` for arguments that make no sense, with the usage; else what the control database throws.
 */
export async function runKeysCommand(db: ControlDatabase, args: readonly string[], nowMs: number): Promise<string[]> {
  const { positionals, values } = parse(args);
  const [command, ...rest] = positionals;
  if (command === "create" && rest.length === 0) return [await create(db, values, nowMs)];
  if (command === "list" && rest.length === 0) return list(db, values, nowMs);
  if (command === "revoke" && rest[0] !== undefined && rest.length === 1) return [await revoke(db, rest[0])];
  throw usageError(command === undefined ? "a command is missing" : `cannot understand: keys ${positionals.join(" ")}`);
}

type KeysOptions = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        project: { type: "string" },
        tenant: { type: "string" },
        scopes: { type: "string", default: "all" },
        "without-content": { type: "boolean", default: false },
        user: { type: "string" },
        "expires-days": { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error));
  }
}

/** Makes the project too where it is new: a key is what one asks for first. */
async function create(db: ControlDatabase, values: KeysOptions, nowMs: number): Promise<string> {
  const granted = scopesOfNewKey(parseScopeList(values.scopes), { withholdContent: values["without-content"] });
  const expiresAtMs = parseExpiry(values["expires-days"], nowMs);
  const project = await ensureProject(db, values.project ?? "default", values.tenant);
  const { apiKey } = await db.createKey({
    projectId: project.id,
    scopes: granted,
    actor,
    ...(values.user === undefined ? {} : { userName: values.user }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  });
  return apiKey;
}

async function ensureProject(db: ControlDatabase, id: string, tenantId: string | undefined): Promise<Project> {
  const project =
    (await db.getProject(id)) ??
    (await db.createProject({ tenantId: tenantId ?? "default", id, actor })) ??
    (await db.getProject(id));
  if (project === undefined) throw new PipelineError("INTERNAL", `project ${id} could not be made`);
  if (tenantId !== undefined && project.tenantId !== tenantId) {
    throw usageError(`project ${id} belongs to tenant ${project.tenantId}, not ${tenantId}`);
  }
  return project;
}

async function list(db: ControlDatabase, values: KeysOptions, nowMs: number): Promise<string[]> {
  const keys = await db.listKeys(values.project === undefined ? {} : { projectId: values.project });
  return keys.map((key) => (values.json ? JSON.stringify(key) : formatKey(key, nowMs)));
}

async function revoke(db: ControlDatabase, keyId: string): Promise<string> {
  if (!(await db.revokeKey(keyId, actor)))
    throw new PipelineError("NOT_FOUND", `there is no key ${keyId} that is still valid`);
  return `revoked ${keyId}; running services notice within 60 s`;
}

function parseScopeList(text: string): Scope[] {
  const names = text === "all" ? scopes : text.split(",").map((name) => name.trim());
  const foreign = names.filter((name) => !isScope(name));
  if (foreign.length > 0) throw usageError(`unknown scope ${foreign.join(", ")}`);
  return names.filter(isScope);
}

function parseExpiry(days: string | undefined, nowMs: number): number | undefined {
  if (days === undefined) return undefined;
  if (!/^[1-9][0-9]{0,4}$/.test(days)) throw usageError("--expires-days takes 1 to 99999");
  return nowMs + Number(days) * dayMs;
}

function formatKey(key: ListedKey, nowMs: number): string {
  const owner = `${key.tenantId}/${key.projectId}`;
  const user = key.userName === undefined ? [] : [`user ${JSON.stringify(key.userName)}`];
  const created = `created ${formatTime(key.createdAtMs)}`;
  return [key.id, `${key.prefix}…`, owner, key.scopes.join(","), created, formatState(key, nowMs), ...user].join("  ");
}

function formatState(key: ListedKey, nowMs: number): string {
  if (key.revokedAtMs !== undefined) return `revoked ${formatTime(key.revokedAtMs)}`;
  if (key.expiresAtMs === undefined) return "valid";
  return `${key.expiresAtMs <= nowMs ? "expired" : "valid until"} ${formatTime(key.expiresAtMs)}`;
}

function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

function usageError(reason: string): PipelineError {
  return new PipelineError("CONFIG_INVALID", `${reason}\n${keysUsage}`);
}
