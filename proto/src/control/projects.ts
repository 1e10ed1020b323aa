import { PipelineError } from "../errors.ts";
import { appendAudit } from "./audit-log.ts";
import { type ControlConnection, type ControlTransaction, changeExclusively } from "./control-connection.ts";

const listedProjectsMax = 10_000;
const projectNumberMax = 2_147_483_647;

export interface Project {
  readonly id: string;
  /** At least 1, unique in the installation. */
  readonly number: number;
  readonly tenantId: string;
}

export interface NewProject {
  readonly tenantId: string;
  readonly id: string;
  /** Left out: the next free one. */
  readonly number?: number;
  readonly actor: string;
}

/** `^[A-Za-z0-9_-]{1,64}$` and not digits only, so that it is never taken for a project's number (contracts/README.md section 3). */
export function isProjectId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text) && !/^[0-9]+$/.test(text);
}

/** `^[A-Za-z0-9_-]{1,64}$` (tenant-traces.md section 2). */
export function isTenantId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/**
 * Makes the tenant, where it is new, and the project.
 *
 * @returns undefined when the id or the number is taken.
 * @throws PipelineError `INVALID_BODY` for an id or a number that may not be one.
 */
export async function createProject(connection: ControlConnection, project: NewProject): Promise<Project | undefined> {
  assertNewProject(project);
  return changeExclusively(connection, (transaction) => insertProject(transaction, connection.now(), project));
}

/** As createProject, within a transaction of changeExclusively. */
export async function insertProject(
  transaction: ControlTransaction,
  nowMs: number,
  project: NewProject,
): Promise<Project | undefined> {
  const number = project.number ?? (await nextProjectNumber(transaction));
  await transaction
    .insertInto("tenants")
    .values({ id: project.tenantId, created_at_ms: nowMs })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const inserted = await transaction
    .insertInto("projects")
    .values({
      id: project.id,
      number,
      tenant_id: project.tenantId,
      settings: "{}",
      settings_version: 0,
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
  if (inserted === undefined) return undefined;
  await appendAudit(transaction, nowMs, {
    tenantId: project.tenantId,
    projectId: project.id,
    actor: project.actor,
    action: "project.created",
    subject: project.id,
    detail: { number },
  });
  return { id: project.id, number, tenantId: project.tenantId };
}

export async function findProject(
  db: ControlConnection["db"] | ControlTransaction,
  projectId: string,
): Promise<Project | undefined> {
  if (!isProjectId(projectId)) return undefined;
  const row = await db
    .selectFrom("projects")
    .select(["id", "number", "tenant_id"])
    .where("id", "=", projectId)
    .executeTakeFirst();
  return row && { id: row.id, number: row.number, tenantId: row.tenant_id };
}

/** By number, at most 10,000. */
export async function listProjects({ db }: ControlConnection): Promise<Project[]> {
  const rows = await db
    .selectFrom("projects")
    .select(["id", "number", "tenant_id"])
    .orderBy("number")
    .limit(listedProjectsMax)
    .execute();
  return rows.map((row) => ({ id: row.id, number: row.number, tenantId: row.tenant_id }));
}

function assertNewProject(project: NewProject): void {
  if (!isTenantId(project.tenantId)) {
    throw new PipelineError("INVALID_BODY", "a tenant id has 1 to 64 characters of A-Z a-z 0-9 _ -");
  }
  if (!isProjectId(project.id)) {
    throw new PipelineError(
      "INVALID_BODY",
      "a project id has 1 to 64 characters of A-Z a-z 0-9 _ -, and not digits only",
    );
  }
  const number = project.number ?? 1;
  if (!Number.isInteger(number) || number < 1 || number > projectNumberMax) {
    throw new PipelineError("INVALID_BODY", `a project number is an integer from 1 to ${projectNumberMax}`);
  }
}

async function nextProjectNumber(transaction: ControlTransaction): Promise<number> {
  const row = await transaction
    .selectFrom("projects")
    .select((select) => select.fn.max("number").as("number"))
    .executeTakeFirst();
  return (row?.number ?? 0) + 1;
}
