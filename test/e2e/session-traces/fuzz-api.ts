/**
 * Runs schemathesis against the OpenAPI document of a running API: it makes requests from the document, right and wrong ones, and holds each
 * answer to it. The parameters that name stored things mostly get names of ours, so that not every answer is a 404.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FuzzRun {
  readonly apiUrl: string;
  readonly apiKey: string;
  /** Values by the name of a parameter, such as `path.sessionId`. */
  readonly known: Readonly<Record<string, readonly string[]>>;
  /** Test cases per operation. */
  readonly examples: number;
  readonly seed: number;
}

export interface FuzzReport {
  readonly passed: boolean;
  /** What schemathesis printed: its summary, and each failure with a curl command. */
  readonly output: string;
}

/**
 * What an answer must hold to. Not asked is whether every request that the document allows gets a 2xx, and every other one a 4xx: conflicts
 * between parameters and forged cursors are refused, and no document can say which those are; repeated lists are taken.
 */
const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "unsupported_method",
  "allow_header_conformance",
  "ignored_auth",
];

const root = new URL("../../../", import.meta.url).pathname;

export async function fuzzApi(run: FuzzRun): Promise<FuzzReport> {
  const directory = mkdtempSync(join(tmpdir(), "nonet-fuzz-"));
  writeFileSync(join(directory, "schemathesis.toml"), configOf(run));
  const python = process.env["NONET_TEST_PYTHON"] ?? join(root, ".local/python/bin/python");
  const args = ["-m", "schemathesis.cli", "--config-file", join(directory, "schemathesis.toml"), "run"];
  args.push(`${run.apiUrl}/openapi.json`, "--url", run.apiUrl, "--no-color", "--checks", checks.join(","));
  // One worker: with several, CPython 3.11 now and then fails to parse (its recursion depth is not counted by thread).
  // Live streams do not end by themselves, and the data of an event stream is text to this tool; they have tests of their own.
  args.push("--exclude-path-regex", "/live$");
  args.push("--phases", "coverage,fuzzing", "--max-examples", String(run.examples), "--seed", String(run.seed));
  args.push(
    "--header",
    `Authorization: Bearer ${run.apiKey}`,
    "--generation-database",
    "none",
    "--continue-on-failure",
  );
  try {
    return await new Promise((resolve) => {
      execFile(python, args, { cwd: directory, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        resolve({ passed: error === null, output: stdout + stderr });
      });
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function configOf({ known }: FuzzRun): string {
  const entries = Object.entries(known);
  const text = (value: string): string => JSON.stringify(value);
  return [
    ...entries.map(([, values], index) => `[dictionaries.known${index}]\nvalues = [${values.map(text).join(", ")}]\n`),
    "[parameters]",
    ...entries.map(([name], index) => `${text(name)} = { dictionary = "known${index}", probability = 0.9 }`),
    "",
  ].join("\n");
}
