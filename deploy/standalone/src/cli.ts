/** `nonet`: the command line. Reads the environment and exits; each command is a function of its own. */
import { existsSync } from "node:fs";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { keysUsage, runKeysCommand } from "@nonet/proto/control/keys-command.ts";
import { isPipelineError, PipelineError } from "@nonet/proto/errors.ts";
import { mapFile } from "./map-file.ts";
import { remapUsage, runRemapCommand } from "./remap.ts";
import { runSettingsCommand, settingsUsage } from "./settings-command.ts";
import { runVerifyCommand, verifyUsage } from "./verify-command.ts";

const usage = `nonet map FILE           the events of an OTLP export, protobuf or JSON, one JSON object a line; no server is needed
${remapUsage}
${verifyUsage}
${settingsUsage}
${keysUsage}`;

/** The control database that the services use: DATABASE_URL, else that of the data directory. */
function controlUrl(): string {
  const { DATABASE_URL, NONET_DATA_DIR = ".nonet" } = process.env;
  if (DATABASE_URL !== undefined && DATABASE_URL !== "") return DATABASE_URL;
  const file = `${NONET_DATA_DIR}/control.db`;
  if (existsSync(file)) return `sqlite:${file}`;
  throw new PipelineError("CONFIG_INVALID", `no ${file}; start Nonet once, or set NONET_DATA_DIR or DATABASE_URL`);
}

async function run(args: readonly string[]): Promise<string[]> {
  const [command, ...rest] = args;
  const [file] = rest;
  if (command === "map" && file !== undefined && rest.length === 1) return mapFile(file);
  if (command === "keys") {
    await using control = openControlDatabase({ url: controlUrl() });
    await control.migrate();
    return await runKeysCommand(control, rest, Date.now());
  }
  if (command === "settings") {
    await using control = openControlDatabase({ url: controlUrl() });
    await control.migrate();
    return await runSettingsCommand(control, rest);
  }
  if (command === "remap" || command === "reprice") {
    return await runRemapCommand(args, process.env, (line) => process.stderr.write(`${line}\n`));
  }
  if (command === "verify") {
    const { lines, isClean } = await runVerifyCommand(rest, process.env, (line) => process.stderr.write(`${line}\n`));
    if (!isClean) process.exitCode = 1;
    return [...lines];
  }
  if (command === "help" || command === "--help") return [usage];
  throw new PipelineError("CONFIG_INVALID", `usage:\n${usage}`);
}

try {
  for (const line of await run(process.argv.slice(2))) process.stdout.write(`${line}\n`);
} catch (caught) {
  process.stderr.write(`${isPipelineError(caught) ? caught.message : String(caught)}\n`);
  process.exitCode = 1;
}
