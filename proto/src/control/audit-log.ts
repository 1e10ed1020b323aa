import { randomBytes } from "node:crypto";
import type { ControlConnection, ControlTransaction } from "./control-connection.ts";

export interface AuditEntry {
  readonly tenantId: string;
  readonly projectId: string | undefined;
  /** Who: `cli`, `start`, or the id of an API key. */
  readonly actor: string;
  readonly action: "project.created" | "project.settings_changed" | "api_key.created" | "api_key.revoked";
  /** The id of what it was done to. */
  readonly subject: string;
  /** Never holds a secret. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface StoredAuditEntry extends Omit<AuditEntry, "action"> {
  readonly id: string;
  readonly atMs: number;
  readonly action: string;
}

/** Part of the change it tells of: neither is kept without the other. */
export async function appendAudit(transaction: ControlTransaction, atMs: number, entry: AuditEntry): Promise<void> {
  const row = {
    id: nextId(atMs),
    at_ms: atMs,
    tenant_id: entry.tenantId,
    project_id: entry.projectId ?? null,
    actor: entry.actor,
    action: entry.action,
    subject: entry.subject,
    detail: JSON.stringify(entry.detail),
  };
  await transaction.insertInto("audit_log").values(row).execute();
}

let sequence = 0;

/** Ascending within a process, so that what was done in one millisecond keeps its order; unique beyond it. */
function nextId(atMs: number): string {
  sequence = (sequence + 1) % 0x100_0000;
  const order = atMs.toString(16).padStart(12, "0") + sequence.toString(16).padStart(6, "0");
  return `${order}-${randomBytes(7).toString("hex")}`;
}

/** Newest first. */
export async function listAudit(
  { db }: ControlConnection,
  tenantId: string,
  countMax: number,
): Promise<StoredAuditEntry[]> {
  const rows = await db
    .selectFrom("audit_log")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .orderBy("at_ms", "desc")
    .orderBy("id", "desc")
    .limit(countMax)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    atMs: row.at_ms,
    tenantId: row.tenant_id,
    projectId: row.project_id ?? undefined,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    detail: JSON.parse(row.detail),
  }));
}
