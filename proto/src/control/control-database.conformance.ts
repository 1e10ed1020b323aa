import { describe, expect, it } from "vitest";
import { PipelineError } from "../errors.ts";
import { hashApiKey } from "./api-key-format.ts";
import { type ControlDatabase, openControlDatabase } from "./control-database.ts";
import { runKeysCommand } from "./keys-command.ts";
import { noSettings, type ProjectSettings } from "./project-settings.ts";
import { scopes } from "./scopes.ts";

/**
 * What every control database does, run on SQLite and on PostgreSQL.
 *
 * @param freshUrl the URL of an empty database of its own, at each call another one. Opening it twice reaches the same data.
 */
export function describeControlDatabase(name: string, freshUrl: () => Promise<string>): void {
  describe(`control database on ${name}`, () => {
    const startMs = Date.UTC(2026, 4, 4);

    async function openFresh(now: () => number = () => startMs): Promise<ControlDatabase> {
      const db = openControlDatabase({ url: await freshUrl(), now });
      await db.migrate();
      return db;
    }

    it("applies its migrations once, whoever starts at the same time", async () => {
      const url = await freshUrl();
      const databases = Array.from({ length: 4 }, () => openControlDatabase({ url }));
      const applied = await Promise.all(databases.map((db) => db.migrate()));
      expect(applied.filter((count) => count > 0)).toHaveLength(1);
      expect(await databases[0]?.migrate()).toBe(0);
      await Promise.all(databases.map((db) => db.close()));
    });

    it("keeps what was written over a restart", async () => {
      const url = await freshUrl();
      const first = openControlDatabase({ url });
      await first.migrate();
      const { apiKey = "" } = await first.ensureFirstCredential();
      expect(await first.nextOwnerEpoch("t", 0)).toBe(1);
      await first.close();
      await using second = openControlDatabase({ url });
      await second.migrate();
      expect(await second.findCredential(hashApiKey(apiKey))).toMatchObject({ projectId: "default" });
      expect(await second.nextOwnerEpoch("t", 0)).toBe(2);
    });

    it("makes one first key, for project default and with all scopes, whoever starts at the same time", async () => {
      const url = await freshUrl();
      const databases = Array.from({ length: 4 }, () => openControlDatabase({ url }));
      await databases[0]?.migrate();
      const answers = await Promise.all(databases.map((db) => db.ensureFirstCredential()));
      const made = answers.filter((answer) => answer.created);
      expect(made).toHaveLength(1);
      expect(answers.filter((answer) => !answer.created)).toEqual(Array(3).fill({ created: false }));
      expect(made[0]?.apiKey).toMatch(/^sk_live_[A-Za-z0-9]{40}$/);
      const credential = await databases[1]?.findCredential(hashApiKey(made[0]?.apiKey ?? ""));
      expect(credential).toMatchObject({ tenantId: "default", projectId: "default", projectNumber: 1 });
      expect([...(credential?.scopes ?? [])]).toEqual([...scopes]);
      await Promise.all(databases.map((db) => db.close()));
    });

    it("takes a given first key, once, and never wakes a revoked one", async () => {
      await using db = await openFresh();
      const apiKey = "given-by-the-operator";
      expect(await db.ensureFirstCredential({ apiKey })).toEqual({ created: true, apiKey });
      expect(await db.ensureFirstCredential({ apiKey })).toEqual({ created: false, apiKey });
      expect(await db.ensureFirstCredential()).toEqual({ created: false });
      const [key] = await db.listKeys();
      expect(key?.prefix).toBe("given");
      expect(await db.revokeKey(key?.id ?? "", "cli")).toBe(true);
      expect(await db.ensureFirstCredential({ apiKey })).toEqual({ created: false, apiKey });
      expect(await db.findCredential(hashApiKey(apiKey))).toBeUndefined();
    });

    it.each(["", "fifteen-letters", "with space in its middle", "ünï-cödé-is-not-ascii", "x".repeat(4_097)])(
      "refuses %j as a first key",
      async (apiKey) => {
        await using db = await openFresh();
        await expect(db.ensureFirstCredential({ apiKey })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
        expect(await db.listKeys()).toEqual([]);
      },
    );

    it("finds a key until it is revoked", async () => {
      await using db = await openFresh();
      await db.createProject({ tenantId: "acme", id: "prj_7f3k", actor: "cli" });
      const created = await db.createKey({
        projectId: "prj_7f3k",
        scopes: ["traces:read"],
        userName: "Ana 'Ø' 東京",
        actor: "cli",
      });
      const hash = hashApiKey(created.apiKey);
      expect(await db.findCredential(hash)).toEqual({
        keyId: created.id,
        tenantId: "acme",
        projectId: "prj_7f3k",
        projectNumber: 1,
        scopes: new Set(["traces:read"]),
        userName: "Ana 'Ø' 東京",
      });
      expect(await db.findCredential(hashApiKey(`${created.apiKey}x`))).toBeUndefined();
      expect(await db.revokeKey(created.id, "cli")).toBe(true);
      expect(await db.revokeKey(created.id, "cli")).toBe(false);
      expect(await db.findCredential(hash)).toBeUndefined();
      expect(await db.listKeys({ projectId: "prj_7f3k" })).toMatchObject([{ id: created.id, revokedAtMs: startMs }]);
    });

    it("ends a key at its expiry", async () => {
      let nowMs = startMs;
      await using db = await openFresh(() => nowMs);
      await db.ensureFirstCredential();
      const key = { projectId: "default", scopes: ["ingest:write"], actor: "cli" } as const;
      const { apiKey } = await db.createKey({ ...key, expiresAtMs: startMs + 1_000 });
      expect(await db.findCredential(hashApiKey(apiKey))).toMatchObject({ expiresAtMs: startMs + 1_000 });
      nowMs = startMs + 1_000;
      expect(await db.findCredential(hashApiKey(apiKey))).toBeUndefined();
      await expect(db.createKey({ ...key, expiresAtMs: nowMs })).rejects.toMatchObject({ code: "INVALID_BODY" });
    });

    it("makes no key without scopes, nor for a project that is not there", async () => {
      await using db = await openFresh();
      await db.ensureFirstCredential();
      const none = db.createKey({ projectId: "default", scopes: [], actor: "cli" });
      await expect(none).rejects.toMatchObject({ code: "INVALID_BODY" });
      const foreign = db.createKey({ projectId: "nobodys", scopes: ["admin"], actor: "cli" });
      await expect(foreign).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    it("numbers projects without repeating, whoever makes them at the same time", async () => {
      await using db = await openFresh();
      const ids = ["a", "b", "c", "d", "e"];
      const made = await Promise.all(ids.map((id) => db.createProject({ tenantId: "acme", id, actor: "cli" })));
      expect(made.map((project) => project?.number).sort()).toEqual([1, 2, 3, 4, 5]);
      expect(await db.createProject({ tenantId: "other", id: "a", actor: "cli" })).toBeUndefined();
      expect(await db.createProject({ tenantId: "acme", id: "f", number: 3, actor: "cli" })).toBeUndefined();
      expect(await db.getProject("a")).toMatchObject({ id: "a", tenantId: "acme" });
      expect((await db.listProjects()).map((project) => project.number)).toEqual([1, 2, 3, 4, 5]);
    });

    it.each(["", "42", "a b", "a/b", "a\0b", "x".repeat(65), "prj_ü", "' or 1=1 --"])(
      "has no project %j",
      async (id) => {
        await using db = await openFresh();
        const made = db.createProject({ tenantId: "acme", id, actor: "cli" });
        await expect(made).rejects.toMatchObject({ code: "INVALID_BODY" });
        expect(await db.getProject(id)).toBeUndefined();
        expect(await db.getProjectSettings(id)).toBeUndefined();
        expect(await db.listKeys({ projectId: id })).toEqual([]);
        expect(await db.revokeKey(id, "cli")).toBe(false);
      },
    );

    it("changes settings only on top of what the caller read", async () => {
      await using db = await openFresh();
      await db.createProject({ tenantId: "acme", id: "p", actor: "cli" });
      expect(await db.getProjectSettings("p")).toMatchObject(noSettings);
      const settings = ignoring("\0 ' ☃");
      expect(await db.setProjectSettings("p", { expectedVersion: 0, settings, actor: "key" })).toBe(1);
      const other = { expectedVersion: 0, settings: noSettings.settings, actor: "key" };
      expect(await db.setProjectSettings("p", other)).toBeUndefined();
      expect(await db.getProjectSettings("p")).toMatchObject({ version: 1, settings, changedBy: "key" });
      const racing = ["x", "y", "z"].map((winner) =>
        db.setProjectSettings("p", { expectedVersion: 1, settings: ignoring(winner), actor: "key" }),
      );
      expect((await Promise.all(racing)).filter((version) => version !== undefined)).toEqual([2]);
      expect(await db.getSettingsVersion("p", 1)).toEqual(settings);
      expect(await db.getSettingsVersion("p", 2)).toEqual((await db.getProjectSettings("p"))?.settings);
      expect(await db.getSettingsVersion("p", 3)).toBeUndefined();
      const large = ignoring("x".repeat(70_000));
      const refused = db.setProjectSettings("p", { expectedVersion: 2, settings: large, actor: "key" });
      await expect(refused).rejects.toMatchObject({ code: "TOO_LARGE" });
    });

    it("keeps each price table as it first was", async () => {
      await using db = await openFresh();
      expect(await db.loadPriceTable("prices@1")).toBeUndefined();
      await db.savePriceTable("prices@1", JSON.stringify(["☃".repeat(100_000)]));
      await db.savePriceTable("prices@1", "another");
      expect(await db.loadPriceTable("prices@1")).toBe(JSON.stringify(["☃".repeat(100_000)]));
    });

    it("gives every owner of a partition a greater epoch, whoever asks at the same time", async () => {
      const url = await freshUrl();
      const databases = Array.from({ length: 3 }, () => openControlDatabase({ url }));
      await databases[0]?.migrate();
      const asked = Array.from({ length: 30 }, (_, i) => databases[i % 3]?.nextOwnerEpoch("agent-events", 7));
      const epochs = await Promise.all(asked);
      expect(epochs.sort((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
      expect(await databases[0]?.nextOwnerEpoch("agent-events", 8)).toBe(1);
      expect(await databases[0]?.nextOwnerEpoch("other", 7)).toBe(1);
      await Promise.all(databases.map((db) => db.close()));
    });

    it("tells afterwards who did what, and never a key", async () => {
      let nowMs = startMs;
      await using db = await openFresh(() => nowMs++);
      const { apiKey = "" } = await db.ensureFirstCredential();
      const second = await db.createKey({ projectId: "default", scopes: ["admin"], actor: "cli" });
      await db.setProjectSettings("default", { expectedVersion: 0, settings: noSettings.settings, actor: second.id });
      await db.revokeKey(second.id, "cli");
      const entries = await db.listAudit("default", 100);
      expect(entries.map((entry) => [entry.actor, entry.action])).toEqual([
        ["cli", "api_key.revoked"],
        [second.id, "project.settings_changed"],
        ["cli", "api_key.created"],
        ["start", "api_key.created"],
        ["start", "project.created"],
      ]);
      expect(JSON.stringify(entries)).not.toContain(apiKey);
      expect(JSON.stringify(entries)).not.toContain(hashApiKey(apiKey));
      expect(await db.listAudit("default", 2)).toHaveLength(2);
      expect(await db.listAudit("acme", 100)).toEqual([]);
    });

    it("says CONTROL_UNAVAILABLE once it is closed, and closes twice", async () => {
      const db = await openFresh();
      await db.close();
      await db.close();
      await expect(db.listKeys()).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE", retryable: true });
    });

    it("says what to run when a later version has been here, and touches nothing", async () => {
      const url = await freshUrl();
      await using db = openControlDatabase({ url });
      await db.migrate();
      await addForeignMigration(url);
      await expect(db.migrate()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    });

    it("creates, lists and revokes keys from the command line", async () => {
      await using db = await openFresh();
      const run = (...args: string[]) => runKeysCommand(db, args, startMs);
      const [apiKey = ""] = await run("create", "--project", "shop", "--tenant", "acme", "--scopes", "traces:read");
      const credential = await db.findCredential(hashApiKey(apiKey));
      expect(credential).toMatchObject({ tenantId: "acme", projectId: "shop" });
      expect([...(credential?.scopes ?? [])]).toEqual(["traces:read", "traces:content"]);
      const [withheld = ""] = await run("create", "--project", "shop", "--without-content", "--expires-days", "2");
      const narrow = await db.findCredential(hashApiKey(withheld));
      expect([...(narrow?.scopes ?? [])]).toEqual(["ingest:write", "traces:read", "traces:export", "admin"]);
      expect(narrow?.expiresAtMs).toBe(startMs + 2 * 86_400_000);
      expect(await run("list")).toHaveLength(2);
      expect(await run("list", "--project", "default")).toEqual([]);
      expect((await run("list", "--project", "shop")).join("\n")).toContain("acme/shop  traces:read,traces:content");
      expect(await run("revoke", credential?.keyId ?? "")).toEqual([
        `revoked ${credential?.keyId}; running services notice within 60 s`,
      ]);
      expect((await run("list")).join("\n")).toContain("revoked 2026-05-04T00:00:00.000Z");
      await expect(run("revoke", credential?.keyId ?? "")).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    it.each([
      [[]],
      [["delete"]],
      [["create", "--scopes", "root"]],
      [["create", "--scopes", ""]],
      [["create", "--expires-days", "-1"]],
      [["create", "--colour"]],
      [["revoke"]],
      [["list", "extra"]],
    ])("answers `keys %j` with the usage", async (args) => {
      await using db = await openFresh();
      const failure = await runKeysCommand(db, args, startMs).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(PipelineError);
      expect(failure).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("nonet keys create") });
      expect(await db.listKeys()).toEqual([]);
    });
  });
}

async function addForeignMigration(url: string): Promise<void> {
  const { Kysely } = await import("kysely");
  const { createPostgresDialect } = await import("./postgres-dialect.ts");
  const { createSqliteDialect } = await import("./sqlite-dialect.ts");
  const dialect = url.startsWith("sqlite:") ? createSqliteDialect(url.slice(7)) : createPostgresDialect(url);
  const db = new Kysely<{ schema_migrations: { number: number; name: string; applied_at_ms: number } }>({ dialect });
  await db.insertInto("schema_migrations").values({ number: 9_999, name: "from-tomorrow", applied_at_ms: 0 }).execute();
  await db.destroy();
}

function ignoring(scope: string): ProjectSettings {
  return { ...noSettings.settings, ignoredScopes: [scope] };
}
