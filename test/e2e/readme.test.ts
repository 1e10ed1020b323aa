/** The first screen of the README, run as a stranger would: its start command, its two agents, its curl, and the answer it shows. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "./free-port.ts";
import { eventually } from "./service-process.ts";

const root = new URL("../../", import.meta.url).pathname;
const readme = readFileSync(join(root, "README.md"), "utf8");
const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "nonet-readme-"));
const dataDirectory = join(directory, ".nonet");

/** The n-th code block of a language. */
function block(language: string, n = 0): string {
  const blocks = [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))];
  const text = blocks[n]?.[1];
  if (text === undefined) throw new Error(`the README has no ${language} block ${n}`);
  return text;
}

let http = 0;
let api = 0;
let stop = () => {};

beforeAll(async () => {
  const [command] = block("sh", 0)
    .split("\n")
    .filter((line) => line.startsWith("npx"));
  const [program = "", ...args] = (command ?? "").split(" ");
  [http, api] = [await freePort(), await freePort()];
  const child = spawn(program, args, {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NONET_DATA_DIR: dataDirectory,
      NONET_OTLP_GRPC_ADDRESS: `127.0.0.1:${await freePort()}`,
      NONET_OTLP_HTTP_ADDRESS: `127.0.0.1:${http}`,
      NONET_API_ADDRESS: `127.0.0.1:${api}`,
      NONET_ADMIN_ADDRESS: `127.0.0.1:${await freePort()}`,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  // The group: pnpm, and the process it runs.
  stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  await eventually(() => output.includes("Nonet is ready"), { withinMs: 120_000, what: "the start command is ready" });
  expect(output).toContain(`http://127.0.0.1:${api}`);
});

afterAll(() => {
  stop();
  rmSync(directory, { recursive: true, force: true });
});

const environment = () => ({
  ...process.env,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${http}/v1/traces`,
});

async function treeOf(sessionId: string): Promise<unknown> {
  const curl = block("sh", 2)
    .replaceAll("127.0.0.1:4319", `127.0.0.1:${api}`)
    .replaceAll(".nonet/api-key", join(dataDirectory, "api-key"))
    .replaceAll("session-ts", sessionId);
  return eventually(
    async () => {
      const { stdout } = await run("bash", ["-c", curl]);
      const body: { data?: unknown[] } = JSON.parse(stdout);
      return body.data?.length === 1 && body;
    },
    { withinMs: 15_000, what: `the tree of ${sessionId}` },
  );
}

test("the endpoint of the README is the one that is printed by default", () => {
  expect(block("sh", 1)).toContain("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4318/v1/traces");
});

test("the TypeScript agent's session has the tree that the README shows", async () => {
  symlinkSync(join(root, "test/node_modules"), join(directory, "node_modules"));
  writeFileSync(join(directory, "agent.ts"), block("ts"));
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
  await run(process.execPath, [join(directory, "agent.ts")], { env: environment() });
  expect(await treeOf("session-ts")).toMatchObject(JSON.parse(block("json")));
});

test("the Python agent's session has the same tree", async () => {
  const python = process.env["NONET_TEST_PYTHON"] ?? join(root, ".local/python/bin/python");
  writeFileSync(join(directory, "agent.py"), block("python"));
  await run(python, [join(directory, "agent.py")], { env: environment() });
  expect(await treeOf("session-py")).toMatchObject(JSON.parse(block("json")));
});
