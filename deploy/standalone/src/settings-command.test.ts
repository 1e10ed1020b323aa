import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { afterAll, expect, it } from "vitest";
import { runSettingsCommand } from "./settings-command.ts";

const directory = mkdtempSync(join(tmpdir(), "nonet-settings-"));
afterAll(() => rmSync(directory, { recursive: true }));

async function openDatabase() {
  const control = openControlDatabase({ url: "sqlite::memory:" });
  await control.migrate();
  await control.ensureFirstCredential();
  return control;
}

function fileOf(text: string): string {
  const file = join(directory, "settings.json");
  writeFileSync(file, text);
  return file;
}

it("sets what the documentation shows, and gets it back in a form that can be set again", async () => {
  await using control = await openDatabase();
  const document = readFileSync(new URL("../../../docs/project-settings.md", import.meta.url), "utf8");
  const example = /```json\n(.*?)```/s.exec(document)?.[1] ?? "";
  expect(await runSettingsCommand(control, ["set", fileOf(example)])).toEqual([expect.stringContaining("version 1;")]);
  const [got = ""] = await runSettingsCommand(control, ["get"]);
  expect(JSON.parse(got)).toMatchObject({
    version: 1,
    ...JSON.parse(example),
    maskingRules: [{}, {}, { name: "user" }],
  });
  expect(await runSettingsCommand(control, ["set", fileOf(got), "--version", "1"])).toHaveLength(1);
  await expect(runSettingsCommand(control, ["set", fileOf(got), "--version", "1"])).rejects.toThrow("get them again");
});

it.each<[string, string[], string]>([
  ["no command", [], "cannot understand"],
  ["another project", ["get", "--project", "nobody"], "there is no project nobody"],
  ["a file that is not there", ["set", "/nowhere"], "cannot read JSON"],
  ["an option that is none", ["get", "--all"], "--all"],
  ["a version that is none", ["set", "x", "--version", "new"], "--version takes a number"],
])("refuses %s", async (_, args, message) => {
  await using control = await openDatabase();
  await expect(runSettingsCommand(control, args)).rejects.toThrow(message);
});

it.each([
  "[]",
  "null",
  "7",
  "{",
  '{"ignoredScopes":"x"}',
  '{"maskingRules":[{"name":"r","pattern":"("}]}',
  '{"priceOverrides":[{"model":"m","input":1,"output":1,"from":"2026-13-01T00:00:00Z"}]}',
])("refuses %s", async (text) => {
  await using control = await openDatabase();
  await expect(runSettingsCommand(control, ["set", fileOf(text)])).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect((await control.getProjectSettings("default"))?.version).toBe(0);
});
