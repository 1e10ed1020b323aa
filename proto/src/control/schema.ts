/**
 * Tables of the control database, as both PostgreSQL and SQLite have them: text, 32 and 64 bit integers, no booleans, no JSON type, no time
 * type. Times are milliseconds since 1970. Migrations that make them: migrations.ts.
 */
export interface ControlTables {
  schema_migrations: { number: number; name: string; applied_at_ms: number };
  tenants: { id: string; created_at_ms: number };
  projects: {
    id: string;
    /** API 4 names a project by it; unique, at least 1. */
    number: number;
    tenant_id: string;
    /** A JSON object. */
    settings: string;
    /** Grows by one with every change of `settings`; 0 for a project that never had any. */
    settings_version: number;
    created_at_ms: number;
  };
  /** Every version of a project's settings, 1 and up; rows are never changed. */
  project_settings: {
    project_id: string;
    version: number;
    /** A JSON object. */
    settings: string;
    changed_at_ms: number;
    /** Who: `cli` or the id of an API key. */
    actor: string;
  };
  /** price-tables.ts */
  price_tables: {
    /** Name and version, e.g. `genai-prices@0.1.8`. */
    name: string;
    /** Base64 of the gzipped table. */
    data: string;
    created_at_ms: number;
  };
  api_keys: {
    id: string;
    /** SHA-256 of the key, lower-case hex. The key itself is nowhere. */
    key_hash: string;
    /** First characters of the key, to tell keys apart in a list. */
    prefix: string;
    project_id: string;
    /** JSON array of scope names. */
    scopes: string;
    user_name: string | null;
    created_at_ms: number;
    expires_at_ms: number | null;
    revoked_at_ms: number | null;
  };
  owner_epochs: { topic: string; partition: number; epoch: number };
  /** What all processes of the installation share and nobody else may know; hex. */
  secrets: { name: string; value: string; created_at_ms: number };
  /** How far each partition was processed, and by which owner (processed-positions.ts). */
  processed_positions: { topic: string; partition: number; epoch: number; stored: number; queryable: number };
  /** quarantine.ts */
  quarantine: {
    /** UUID of version 7: ordered by time. */
    id: string;
    project_id: string;
    kind: string;
    reason: string;
    detail: string;
    trace_id: string;
    span_id: string;
    form: string;
    /** Base64. */
    bytes: string;
    record_key: string;
    kept_bytes: number;
    size: number;
    truncated: number;
    source: string | null;
    receipt_id: string | null;
    at_ms: number;
    state: string;
    /** 0 when nobody replays it. */
    claimed_at_ms: number;
    replayed_at_ms: number | null;
    outcome: string;
  };
  audit_log: {
    id: string;
    at_ms: number;
    tenant_id: string;
    project_id: string | null;
    /** Who: `cli`, `start`, or the id of an API key. */
    actor: string;
    /** What: noun then verb, `api_key.created`. */
    action: string;
    /** On what: the id of a key, a project. */
    subject: string;
    /** A JSON object. Never holds a secret. */
    detail: string;
  };
}
