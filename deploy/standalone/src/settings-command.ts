/** `nonet settings get|set`: arguments in, lines out. Opening the database and printing are the command line's. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { compileMaskingRules } from "@nonet/ingest/map/masking-rules.ts";
import type { ControlDatabase } from "@nonet/proto/control/control-database.ts";
import { type ProjectSettings, projectSettingsSchema } from "@nonet/proto/control/project-settings.ts";
import { PipelineError } from "@nonet/proto/errors.ts";

export const settingsUsage = `nonet settings get [--project ID]
nonet settings set FILE [--project ID] [--version N]
                         replaces the settings of a project by those of a JSON file, - for standard input; with --version only
                         when that is the version they replace`;

const actor = "cli";

/**
 * @param args what follows `nonet settings`.
 * @returns lines for standard output.
 * @throws PipelineError `CONFIG_INVALID` for arguments or settings that make no sense; else what the control database throws.
 */
export async function runSettingsCommand(
  control: Pick<ControlDatabase, "getProjectSettings" | "setProjectSettings">,
  args: readonly string[],
): Promise<string[]> {
  const { positionals, values } = parse(args);
  const [command, file, ...rest] = positionals;
  const projectId = values.project;
  const stored = await control.getProjectSettings(projectId);
  if (stored === undefined) throw new PipelineError("NOT_FOUND", `there is no project ${projectId}`);
  if (command === "get" && file === undefined) {
    return [JSON.stringify({ version: stored.version, ...stored.settings }, null, 2)];
  }
  if (command !== "set" || file === undefined || rest.length > 0) throw usageError("cannot understand the arguments");
  const expectedVersion = values.version === undefined ? stored.version : parseVersion(values.version);
  const settings = readSettings(file);
  const version = await control.setProjectSettings(projectId, { expectedVersion, settings, actor });
  if (version === undefined) {
    throw new PipelineError("CONFIG_INVALID", "the settings were changed since they were read; get them again");
  }
  return [`settings version ${version}; running services take it within 5 s`];
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { project: { type: "string", default: "default" }, version: { type: "string" } },
    });
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error));
  }
}

function parseVersion(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw usageError("--version takes a number");
  return Number(text);
}

/** What `get` prints can be set again: its version says what was read, and is not a setting. */
function readSettings(file: string): ProjectSettings {
  const json = parseJson(file);
  if (typeof json === "object" && json !== null && "version" in json) delete json.version;
  const result = projectSettingsSchema.safeParse(json);
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new PipelineError("CONFIG_INVALID", `${file} holds no settings: ${problems.join("; ")}`);
  }
  const rules = compileMaskingRules(result.data.maskingRules);
  if ("problems" in rules) throw new PipelineError("CONFIG_INVALID", rules.problems.join(" "));
  return result.data;
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file === "-" ? 0 : file, "utf8"));
  } catch (caught) {
    throw new PipelineError("CONFIG_INVALID", `cannot read JSON from ${file}: ${String(caught)}`, { cause: caught });
  }
}

function usageError(reason: string): PipelineError {
  return new PipelineError("CONFIG_INVALID", `${reason}\n${settingsUsage}`);
}
