import { type Kysely, sql } from "kysely";
import { PipelineError } from "../errors.ts";
import { type ControlConnection, type ControlTransaction, changeExclusively } from "./control-connection.ts";
import type { ControlTables } from "./schema.ts";

interface Migration {
  readonly number: number;
  readonly name: string;
  apply(db: Kysely<ControlTables>): Promise<void>;
}

/** Numbers are dense from 1. A migration that was released is never edited: the next one changes what it made. */
const migrations: readonly Migration[] = [
  { number: 1, name: "tenants-keys-epochs-audit", apply: createFirstTables },
  { number: 2, name: "secrets-positions-quarantine", apply: createQuarantineTables },
  { number: 3, name: "settings-versions-price-tables", apply: createSettingsTables },
];

/**
 * Brings the schema to the newest migration: those that are missing, in order, in one transaction, by one process at a time. A crash in
 * between leaves the schema as it was.
 *
 * @returns how many were applied.
 * @throws PipelineError `CONFIG_INVALID` when a later version of the program has been here, `CONTROL_UNAVAILABLE`.
 */
export function migrateControl(connection: ControlConnection): Promise<number> {
  return changeExclusively(connection, async (transaction) => {
    await createMigrationTable(transaction);
    const applied = await transaction.selectFrom("schema_migrations").select(["number", "name"]).execute();
    const names = new Map(applied.map((row) => [row.number, row.name]));
    assertKnown(names);
    const missing = migrations.filter((migration) => !names.has(migration.number));
    for (const migration of missing) {
      await migration.apply(transaction);
      const row = { number: migration.number, name: migration.name, applied_at_ms: connection.now() };
      await transaction.insertInto("schema_migrations").values(row).execute();
    }
    return missing.length;
  });
}

function assertKnown(applied: ReadonlyMap<number, string>): void {
  for (const [number, name] of applied) {
    if (migrations.some((migration) => migration.number === number && migration.name === name)) continue;
    throw new PipelineError(
      "CONFIG_INVALID",
      `the control database has migration ${number} "${name}", which this version does not know; start the version that made it, or a later one`,
    );
  }
}

async function createMigrationTable(transaction: ControlTransaction): Promise<void> {
  await transaction.schema
    .createTable("schema_migrations")
    .ifNotExists()
    .addColumn("number", "integer", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("applied_at_ms", "bigint", (column) => column.notNull())
    .execute();
}

async function createFirstTables(db: Kysely<ControlTables>): Promise<void> {
  await db.schema
    .createTable("tenants")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("projects")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("number", "integer", (column) => column.notNull().unique())
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenants.id"))
    .addColumn("settings", "text", (column) => column.notNull())
    .addColumn("settings_version", "integer", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addCheckConstraint("projects_number_positive", sql`number >= 1`)
    .execute();
  await db.schema
    .createTable("api_keys")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("key_hash", "text", (column) => column.notNull().unique())
    .addColumn("prefix", "text", (column) => column.notNull())
    .addColumn("project_id", "text", (column) => column.notNull().references("projects.id"))
    .addColumn("scopes", "text", (column) => column.notNull())
    .addColumn("user_name", "text")
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("expires_at_ms", "bigint")
    .addColumn("revoked_at_ms", "bigint")
    .execute();
  await db.schema.createIndex("api_keys_by_project").on("api_keys").columns(["project_id", "created_at_ms"]).execute();
  await db.schema
    .createTable("owner_epochs")
    .addColumn("topic", "text", (column) => column.notNull())
    .addColumn("partition", "integer", (column) => column.notNull())
    .addColumn("epoch", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("owner_epochs_key", ["topic", "partition"])
    .execute();
  await db.schema
    .createTable("audit_log")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("at_ms", "bigint", (column) => column.notNull())
    .addColumn("tenant_id", "text", (column) => column.notNull())
    .addColumn("project_id", "text")
    .addColumn("actor", "text", (column) => column.notNull())
    .addColumn("action", "text", (column) => column.notNull())
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("detail", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("audit_log_by_tenant").on("audit_log").columns(["tenant_id", "at_ms", "id"]).execute();
}

async function createQuarantineTables(db: Kysely<ControlTables>): Promise<void> {
  await db.schema
    .createTable("secrets")
    .addColumn("name", "text", (column) => column.primaryKey().notNull())
    .addColumn("value", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("processed_positions")
    .addColumn("topic", "text", (column) => column.notNull())
    .addColumn("partition", "integer", (column) => column.notNull())
    .addColumn("epoch", "bigint", (column) => column.notNull())
    .addColumn("stored", "bigint", (column) => column.notNull())
    .addColumn("queryable", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("processed_positions_key", ["topic", "partition"])
    .execute();
  await db.schema
    .createTable("quarantine")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("project_id", "text", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("reason", "text", (column) => column.notNull())
    .addColumn("detail", "text", (column) => column.notNull())
    .addColumn("trace_id", "text", (column) => column.notNull())
    .addColumn("span_id", "text", (column) => column.notNull())
    .addColumn("form", "text", (column) => column.notNull())
    .addColumn("bytes", "text", (column) => column.notNull())
    .addColumn("record_key", "text", (column) => column.notNull())
    .addColumn("kept_bytes", "bigint", (column) => column.notNull())
    .addColumn("size", "bigint", (column) => column.notNull())
    .addColumn("truncated", "integer", (column) => column.notNull())
    .addColumn("source", "text")
    .addColumn("receipt_id", "text")
    .addColumn("at_ms", "bigint", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("claimed_at_ms", "bigint", (column) => column.notNull())
    .addColumn("replayed_at_ms", "bigint")
    .addColumn("outcome", "text", (column) => column.notNull())
    .addUniqueConstraint("quarantine_source", ["project_id", "source"])
    .execute();
  await db.schema
    .createIndex("quarantine_by_project")
    .on("quarantine")
    .columns(["project_id", "id", "kept_bytes", "at_ms"])
    .execute();
  await db.schema.createIndex("quarantine_by_receipt").on("quarantine").column("receipt_id").execute();
  await db.schema.createIndex("quarantine_by_state").on("quarantine").columns(["state", "id"]).execute();
}

async function createSettingsTables(db: Kysely<ControlTables>): Promise<void> {
  await db.schema
    .createTable("project_settings")
    .addColumn("project_id", "text", (column) => column.notNull().references("projects.id"))
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("settings", "text", (column) => column.notNull())
    .addColumn("changed_at_ms", "bigint", (column) => column.notNull())
    .addColumn("actor", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("project_settings_key", ["project_id", "version"])
    .execute();
  await db.schema
    .createTable("price_tables")
    .addColumn("name", "text", (column) => column.primaryKey().notNull())
    .addColumn("data", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .execute();
}
