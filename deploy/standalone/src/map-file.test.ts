import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "nonet-map-"));
afterAll(() => rmSync(directory, { recursive: true }));
const cli = new URL("./cli.ts", import.meta.url).pathname;
const corpus = new URL("../../../test/corpus/", import.meta.url).pathname;
const run = (...args: string[]) => spawnSync(process.execPath, [cli, ...args], { encoding: "utf8" });

test("prints the events of a protobuf export of a real framework, one a line", () => {
  const lines = execFileSync(process.execPath, [cli, "map", join(corpus, "adk-builtin/transfer/001.pb")], {
    encoding: "utf8",
  })
    .trim()
    .split("\n")
    .map((line): { eventType: string } => JSON.parse(line));
  expect(lines.filter((event) => event.eventType === "llm_call")).toHaveLength(3);
});

test("reads OTLP/JSON as well: the example of a vector", () => {
  const vector: { resourceSpans: unknown; expected: unknown[] } = JSON.parse(
    readFileSync(new URL("../../../docs/spec/vectors/strands-1.40.json", import.meta.url), "utf8"),
  );
  const file = join(directory, "vector.json");
  writeFileSync(file, JSON.stringify({ resourceSpans: vector.resourceSpans }));
  const { stdout, status } = run("map", file);
  expect(status).toBe(0);
  expect(stdout.trim().split("\n")).toHaveLength(vector.expected.length);
});

test.each([
  ["not-otlp.json", '{"resourceSpans": 5}', /resourceSpans/],
  ["cut.json", '{"resourceSpans": [', /not JSON/],
  ["cut.pb", Buffer.from("0a4e0a15", "hex"), /resource_spans/],
])("%s: says where and why, and ends with a failure", (name, content, message) => {
  const file = join(directory, name);
  writeFileSync(file, content);
  const { stderr, stdout, status } = run("map", file);
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toMatch(message);
});

test("a file that is not there, and no command at all, say so", () => {
  expect(run("map", join(directory, "missing"))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("missing"),
  });
  expect(run()).toMatchObject({ status: 1, stderr: expect.stringContaining("nonet map FILE") });
});
