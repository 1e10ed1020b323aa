import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { describeControlDatabase } from "./control-database.conformance.ts";
import { openControlDatabase } from "./control-database.ts";
import { describeQuarantine } from "./quarantine.conformance.ts";

const directory = mkdtempSync(join(tmpdir(), "nonet-control-"));
afterAll(() => rmSync(directory, { recursive: true }));
let files = 0;
const freshPath = () => join(directory, `control-${++files}.db`);

describeControlDatabase("SQLite", async () => `sqlite:${freshPath()}`);
describeQuarantine("SQLite", async () => `sqlite:${freshPath()}`);

describe("control database as a SQLite file", () => {
  it("can be read by its owner only", async () => {
    const path = freshPath();
    await using db = openControlDatabase({ url: `sqlite://${path}` });
    await db.migrate();
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("waits for another process's transaction without stopping the event loop", async () => {
    const path = freshPath();
    await using db = openControlDatabase({ url: `sqlite:${path}` });
    await db.migrate();
    const other = new DatabaseSync(path);
    other.exec("begin immediate");
    const epoch = db.nextOwnerEpoch("t", 0);
    const first = db.ensureFirstCredential();
    // Only a running event loop gets here to let go of the lock.
    setTimeout(() => other.exec("rollback"), 50);
    expect(await epoch).toBe(1);
    expect(await first).toMatchObject({ created: true });
    other.close();
  });

  it("says CONTROL_UNAVAILABLE when the file cannot be opened", () => {
    const open = () => openControlDatabase({ url: `sqlite:${join(directory, "missing", "control.db")}` });
    expect(open).toThrow(expect.objectContaining({ code: "CONTROL_UNAVAILABLE" }));
  });

  it.each(["", "mysql://user:secret@host/db", "control.db", "sqlite:", "postgres://:bad port"])(
    "refuses the URL %j without repeating it",
    (url) => {
      const open = () => openControlDatabase({ url });
      expect(open).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID", message: expect.not.stringContaining("secret") }),
      );
    },
  );
});
