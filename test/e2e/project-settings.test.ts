/** What a project sets holds for what is received from then on, whatever door it comes through, and for history when somebody asks. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { type Scope, scopes } from "@nonet/proto/control/scopes.ts";
import { priceTable } from "@nonet/proto/versions.ts";
import { diagnosticsSchema } from "@nonet/query-api/diagnostics/response-schema.ts";
import { runRemapCommand } from "@nonet/standalone/remap.ts";
import { runSettingsCommand } from "@nonet/standalone/settings-command.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportJson, modelCall, untilQueryable } from "./export-client.ts";
import { eventually } from "./service-process.ts";
import { createReader } from "./shape-under-test.ts";
import { type StandaloneFixture, startStandaloneFixture } from "./standalone-fixture.ts";

let standalone: StandaloneFixture;
beforeAll(async () => {
  standalone = await startStandaloneFixture();
});
afterAll(() => standalone?.close());

const path = "/api/projects/default";
const id = (bytes: number) => randomBytes(bytes).toString("hex");

async function put(body: unknown, key = standalone.apiKey) {
  const response = await fetch(`${standalone.apiUrl}${path}/settings`, {
    method: "PUT",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  // `as`: the members are looked at one by one.
  return {
    status: response.status,
    body: (await response.json()) as { version: number; code?: string; detail?: string },
  };
}

interface Group {
  readonly scope: string;
  readonly spans: readonly object[];
}

async function send(...groups: readonly Group[]) {
  const sent = await exportJson(standalone, {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
        scopeSpans: groups.map(({ scope, spans }) => ({ scope: { name: scope, version: "1.2" }, spans })),
      },
    ],
  });
  expect(sent.status).toBe(200);
  await untilQueryable(standalone, sent.receipt);
  return sent;
}

/** 1,000 tokens in and out, of a model that the table prices. */
function pricedCall(sessionId: string, traceId = id(16)) {
  const call = modelCall({ traceId, spanId: id(8), sessionId });
  const tokens = ["input", "output"].map((kind) => ({
    key: `gen_ai.usage.${kind}_tokens`,
    value: { intValue: "1000" },
  }));
  const model = { key: "gen_ai.request.model", value: { stringValue: "gpt-4o" } };
  return { ...call, attributes: [...call.attributes.filter(({ key }) => key !== model.key), model, ...tokens] };
}

const control = () => openControlDatabase({ url: `sqlite:${join(standalone.dataDirectory, "control.db")}` });

/** The commands, without a process of their own. */
async function remap(...args: string[]): Promise<string> {
  return (await runRemapCommand(args, standalone.environment, () => undefined)).join("\n");
}

async function settingsCommand(...args: string[]): Promise<string> {
  await using database = control();
  return (await runSettingsCommand(database, args)).join("\n");
}

async function createKey(projectId: string, scopes: readonly Scope[]): Promise<string> {
  await using database = control();
  if (projectId !== "default") await database.createProject({ tenantId: "default", id: projectId, actor: "cli" });
  return (await database.createKey({ projectId, scopes, actor: "cli" })).apiKey;
}

/** Every byte of text that an answer holds. */
async function readAll(sessionId: string): Promise<string> {
  const traces = await standalone.get(`${path}/sessions/${sessionId}/traces?include=attributes`);
  expect(traces.status).toBe(200);
  return JSON.stringify(traces.body);
}

async function costOf(sessionId: string) {
  const { body } = await standalone.get(`${path}/sessions/${sessionId}/traces`);
  // `as`: the members are looked at one by one.
  const { data } = body as { data: { eventType?: string; type?: string; data: { cost?: unknown } }[] };
  return data.map((event) => event.data.cost).find((cost) => cost !== undefined && cost !== null);
}

describe("settings over the API", () => {
  test("are empty at first, replaced whole, and never half", async () => {
    expect(await standalone.get(`${path}/settings`)).toMatchObject({
      status: 200,
      body: { version: 0, ignoredScopes: [], maskingRules: [], priceOverrides: [], changedAt: null, changedBy: null },
    });
    expect(await put({ ignoredScopes: ["a", "b*"] })).toMatchObject({ status: 200, body: { version: 1 } });
    const read = (await standalone.get(`${path}/settings`)).body as object;
    expect(read).toMatchObject({ version: 1, ignoredScopes: ["a", "b*"], changedBy: expect.stringMatching(/./) });
    // What was read can be sent back, once.
    expect(await put(read)).toMatchObject({ status: 200, body: { version: 2 } });
    expect(await put(read)).toMatchObject({ status: 409, body: { code: "CONFLICT" } });
    expect(await put({})).toMatchObject({ status: 200, body: { version: 3 } });
  });

  test.each<[string, unknown, string]>([
    ["an unknown member", { ignored: [] }, "Unrecognized key"],
    ["a pattern with look-ahead", { maskingRules: [{ name: "x", pattern: "(?=a)b" }] }, "maskingRules.0 (x)"],
    ["a pattern that matches nothing at all", { maskingRules: [{ name: "x", pattern: "a*" }] }, "empty text"],
    ["a long pattern", { maskingRules: [{ name: "x", pattern: "a".repeat(1_001) }] }, "maskingRules.0.pattern"],
    ["too many rules", { maskingRules: Array(51).fill({ name: "x", pattern: "a" }) }, "maskingRules"],
    [
      "a replacement with quotes",
      { maskingRules: [{ name: "x", pattern: "a", replacement: '"' }] },
      "maskingRules.0.replacement",
    ],
    ["a negative price", { priceOverrides: [{ model: "m", input: -1, output: 1 }] }, "priceOverrides.0.input"],
    ["a star in the middle", { ignoredScopes: ["a*b"] }, "ignoredScopes.0"],
    ["a list", [], "expected object"],
  ])("refuse %s and name it", async (_, body, detail) => {
    const before = await standalone.get(`${path}/settings`);
    const refused = await put(body);
    expect(refused).toMatchObject({ status: 400, body: { code: "INVALID_BODY" } });
    expect(refused.body.detail).toContain(detail);
    expect((await standalone.get(`${path}/settings`)).body).toEqual(before.body);
  });

  test("need the scope admin, and are a matter of their own project", async () => {
    const reader = await createKey("default", ["traces:read"]);
    expect(await createReader(standalone.apiUrl, reader)(`${path}/settings`)).toMatchObject({ status: 403 });
    expect(await put({}, reader)).toMatchObject({ status: 403 });
    const other = await createKey("other", scopes);
    expect(await put({}, other)).toMatchObject({ status: 404 });
    const response = await fetch(`${standalone.apiUrl}${path}/settings`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${standalone.apiKey}` },
    });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, PUT"]);
  });

  test("are told in the audit log, and set by the command line as well", async () => {
    const file = join(standalone.dataDirectory, "settings.json");
    writeFileSync(file, JSON.stringify({ ignoredScopes: ["cli"] }));
    expect(await settingsCommand("set", file)).toMatch(/^settings version \d+;/);
    expect(JSON.parse(await settingsCommand("get"))).toMatchObject({ ignoredScopes: ["cli"] });
    writeFileSync(file, JSON.stringify({ maskingRules: [{ name: "bad", pattern: "(" }] }));
    await expect(settingsCommand("set", file)).rejects.toMatchObject({ message: expect.stringContaining("(bad)") });
    await using database = control();
    const actions = (await database.listAudit("default", 100)).map(({ action, actor }) => [action, actor]);
    expect(actions).toContainEqual(["project.settings_changed", "cli"]);
    expect(actions.filter(([action]) => action === "project.settings_changed").length).toBeGreaterThanOrEqual(4);
  });
});

test("what a rule masks is nowhere: not in events, attributes, names or the quarantine", async () => {
  const email = "ann.secret@example.com";
  await put({
    maskingRules: [
      { name: "email", pattern: "[\\w.]+@[\\w.]+", replacement: "[email]" },
      { name: "user", attributes: ["enduser.*"], replacement: "[masked]" },
    ],
  });
  const attributes = [
    ...modelCall({ traceId: "", spanId: "", sessionId: "masked" }).attributes,
    {
      key: "gen_ai.input.messages",
      value: {
        stringValue: JSON.stringify([{ role: "user", parts: [{ type: "text", content: `write to ${email}` }] }]),
      },
    },
    { key: "enduser.id", value: { intValue: "424242" } },
  ];
  const call = modelCall(
    { traceId: id(16), spanId: id(8), sessionId: "masked" },
    { name: `chat for ${email}`, attributes, status: { code: 2, message: `no answer for ${email}` } },
  );
  await send({ scope: "sdk", spans: [call, { ...call, spanId: "", name: `rejected ${email}` }] });
  const text = await readAll("masked");
  expect(text).toContain("write to [email]");
  expect(text).toContain("no answer for [email]");
  expect(text).not.toContain("secret");
  expect(text).not.toContain("424242");
  const entries = await eventually(
    async () => {
      const { body } = await standalone.get(`${path}/quarantine?reason=invalid_span_id`);
      const { data } = body as { data: { id: string }[] };
      return data.length > 0 && data;
    },
    { withinMs: 10_000, what: "the rejected span" },
  );
  const entry = (await standalone.get(`${path}/quarantine/${entries[0]?.id}`)).body as { bytes: string };
  expect(Buffer.from(entry.bytes, "base64").toString("latin1")).toContain("rejected [email]");
  expect(Buffer.from(entry.bytes, "base64").toString("latin1")).not.toContain("secret");
  const metrics = await (await fetch(`${standalone.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/nonet_ingest_masked_values\{outcome="replaced"\} [1-9]/);
});

test("spans of an ignored scope are hidden and counted; history follows when it is asked to", async () => {
  await put({});
  await send({ scope: "noise.http", spans: [pricedCall("before")] });
  const { body: set } = await put({ ignoredScopes: ["noise.*"] });
  const ignored = pricedCall("after-ignored");
  await send({ scope: "sdk", spans: [pricedCall("after")] }, { scope: "noise.http", spans: [ignored] });
  const status = async (sessionId: string) => (await standalone.get(`${path}/sessions/${sessionId}`)).status;
  expect([await status("before"), await status("after"), await status("after-ignored")]).toEqual([200, 200, 404]);

  const diagnostics = diagnosticsSchema.parse((await standalone.get(`${path}/diagnostics`)).body);
  expect(diagnostics.scopes.find(({ name }) => name === "noise.http")).toMatchObject({
    version: "1.2",
    spans: 2,
    hidden: 1,
    ignored: 1,
  });

  expect(await remap("remap", "--settings")).toMatch(/^traces mapped again: \d+/);
  const becomes = (sessionId: string, wanted: number) =>
    eventually(async () => (await status(sessionId)) === wanted, { withinMs: 5_000, what: `${sessionId}: ${wanted}` });
  await becomes("before", 404);
  expect(await status("after")).toBe(200);
  expect(JSON.stringify((await standalone.get("/tenants/default/traces")).body)).not.toContain(ignored.traceId);
  await put({});
  await remap("remap", "--settings");
  await becomes("before", 200);
  await becomes("after-ignored", 200);
  expect(set.version).toBeGreaterThan(0);
});

test("a project's own prices hold from then on; stored costs stay until they are priced again", async () => {
  await put({});
  await send({ scope: "sdk", spans: [pricedCall("table")] });
  const { body } = await put({ priceOverrides: [{ model: "gpt-4*", input: 1, output: 3 }] });
  await send({ scope: "sdk", spans: [pricedCall("own")] });
  const own = {
    amount: 0.004,
    input: 0.001,
    output: 0.003,
    source: "price_table",
    priceTable: `${priceTable}+settings@${body.version}`,
  };
  expect(await costOf("own")).toMatchObject(own);
  expect(await costOf("table")).toMatchObject({ amount: 0.0125, priceTable });
  await remap("remap", "--all");
  expect(await costOf("table")).toMatchObject({ amount: 0.0125, priceTable });
  expect(await remap("reprice")).toMatch(/^traces priced again: \d+/);
  await eventually(async () => JSON.stringify(await costOf("table")) === JSON.stringify(await costOf("own")), {
    withinMs: 5_000,
    what: "the new price",
  });
  expect(await costOf("table")).toMatchObject(own);
  expect(await remap("reprice")).toBe("nothing to price again");
});

test("diagnostics say what to change, by scope", async () => {
  await put({});
  const traceId = id(16);
  const { attributes } = modelCall({ traceId, spanId: "", sessionId: "" });
  const silent = attributes.filter(({ key }) => key !== "gen_ai.conversation.id");
  await send(
    { scope: "quiet", spans: [modelCall({ traceId, spanId: id(8), sessionId: "" }, { attributes: silent })] },
    {
      scope: "unknown.sdk",
      spans: [
        modelCall(
          { traceId: id(16), spanId: id(8), sessionId: "" },
          { name: "work", attributes: [{ key: "traceloop.unheard.of", value: { stringValue: "secret value" } }] },
        ),
      ],
    },
    {
      scope: "dear",
      spans: [
        {
          ...pricedCall("dear"),
          attributes: pricedCall("dear").attributes.map((each) =>
            each.key === "gen_ai.request.model" ? { key: each.key, value: { stringValue: "model-of-ours" } } : each,
          ),
        },
      ],
    },
    {
      scope: "future",
      spans: [
        {
          ...pricedCall("future"),
          startTimeUnixNano: `${Date.now() + 600_000}000000`,
          endTimeUnixNano: `${Date.now() + 601_000}000000`,
        },
      ],
    },
  );
  const twice = {
    ...pricedCall("twice"),
    attributes: [...pricedCall("twice").attributes, { key: "gen_ai.response.id", value: { stringValue: "r-1" } }],
  };
  await send({ scope: "sdk", spans: [twice] }, { scope: "proxy", spans: [{ ...twice, spanId: id(8) }] });
  const to = new Date(Date.now() + 3_600_000).toISOString();
  const { status, body } = await standalone.get(`${path}/diagnostics?to=${to}`);
  expect(status).toBe(200);
  const { findings, scopes, modelCalls } = diagnosticsSchema.parse(body);
  const scopesOf = (kind: string) => findings.filter((each) => each.kind === kind).flatMap((each) => each.scopes);
  expect(scopesOf("session_missing")).toContain("quiet");
  expect(scopesOf("tokens_missing")).toContain("quiet");
  expect(scopesOf("content_missing")).toContain("quiet");
  expect(scopesOf("unmapped_scope")).toEqual(["unknown.sdk"]);
  expect(findings.filter(({ kind }) => kind === "double_instrumentation")).toMatchObject([
    { scopes: expect.arrayContaining(["sdk", "proxy"]), count: 1, advice: expect.stringContaining("ignoredScopes") },
  ]);
  expect(scopesOf("clock_skew")).toEqual(["future"]);
  expect(findings.find(({ kind }) => kind === "unpriced_calls")).toMatchObject({
    scopes: ["dear"],
    detail: expect.stringContaining("openai/model-of-ours (1)"),
  });
  expect(modelCalls.find(({ scope }) => scope === "quiet")).toEqual({
    scope: "quiet",
    calls: 1,
    withoutTokens: 1,
    unpriced: 0,
    copies: 0,
  });
  expect(scopes.find(({ name }) => name === "quiet")).toMatchObject({
    version: "1.2",
    dialects: ["OpenTelemetry GenAI"],
    byClass: [{ class: "llm", spans: 1 }],
    withoutSession: 1,
  });
  expect(JSON.stringify(body)).not.toContain("secret value");
  expect(await standalone.get(`${path}/diagnostics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z`)).toMatchObject({
    status: 400,
  });
});
