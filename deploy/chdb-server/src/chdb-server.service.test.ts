import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import {
  type ClickHouseClient,
  ClickHouseError,
  type ClickHouseSettings,
  createClient,
  type DataFormat,
} from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ChdbServer, type ChdbServerOptions, startChdbServer } from "./chdb-server.ts";

const directory = mkdtempSync(join(tmpdir(), "nonet-chdb-"));
let server: ChdbServer;
let client: ClickHouseClient;

beforeAll(async () => {
  server = await startChdbServer({ dataDirectory: directory });
  client = connect(server);
});

afterAll(async () => {
  await client?.close();
  await server?.close();
  rmSync(directory, { recursive: true, force: true });
});

function connect(to: ChdbServer, options: Parameters<typeof createClient>[0] = {}): ClickHouseClient {
  // Errors are asserted on; the client need not print them as well.
  const log = { level: 127 as const };
  return createClient({ url: to.url, username: to.username, password: to.password, log, ...options });
}

async function rows<T>(query: string, parameters: Record<string, unknown> = {}, format: DataFormat = "JSONEachRow") {
  const answer = await client.query({ query, query_params: parameters, format });
  return (await answer.json()) as T[];
}

async function newTable(columns: string, rest = "ENGINE = MergeTree ORDER BY tuple()"): Promise<string> {
  const name = `t_${randomUUID().replaceAll("-", "")}`;
  await client.command({ query: `CREATE TABLE ${name} (${columns}) ${rest}` });
  return name;
}

async function failure(work: Promise<unknown>): Promise<ClickHouseError> {
  const caught = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(caught).toBeInstanceOf(ClickHouseError);
  return caught as ClickHouseError;
}

async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("statements", () => {
  test("ping", async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await client.ping({ select: true })).toEqual({ success: true });
  });

  test("insert of 5,000 rows as JSONCompactEachRow and its summary", async () => {
    const table = await newTable("id UInt64, name String");
    const values = Array.from({ length: 5_000 }, (_, index) => [index, `name ${index}`]);
    const answer = await client.insert({ table, values, format: "JSONCompactEachRow", columns: ["id", "name"] });
    expect(answer.executed && answer.summary?.written_rows).toBe("5000");
    expect(await rows(`SELECT count() AS n, max(name) AS last FROM ${table}`)).toEqual([
      { n: 5_000, last: "name 999" },
    ]);
  });

  test("insert through exec with a stream, compressed, and inline in the text", async () => {
    const table = await newTable("id UInt64, name String");
    const compressing = connect(server, { compression: { request: true, response: true } });
    const { stream } = await compressing.exec({
      query: `INSERT INTO ${table} (id, name) FORMAT JSONCompactEachRow`,
      values: Readable.from(['[1, "a; b"]\n[2, "c"]\n'], { objectMode: false }),
    });
    for await (const _ of stream);
    await compressing.insert({ table, values: [{ id: 3, name: "d" }], format: "JSONEachRow" });
    await compressing.command({ query: `INSERT INTO ${table} VALUES (4, 'e; f')` });
    await compressing.command({
      query: `INSERT INTO ${table} FORMAT JSONEachRow {"id":5,"name":"; DROP TABLE ${table}"}`,
    });
    await compressing.command({
      query: `INSERT INTO \`${table}\` (\`id\`, \`name\`) SETTINGS max_threads = 1 FORMAT CSV 6,g`,
    });
    await compressing.close();
    const names = await rows<{ name: string }>(`SELECT name FROM ${table} ORDER BY id`);
    expect(names.map(({ name }) => name)).toEqual(["a; b", "c", "d", "e; f", `; DROP TABLE ${table}`, "g"]);
  });

  test("types come back as they went in", async () => {
    const table = await newTable(
      "i Int64, u UInt64, t DateTime64(9, 'UTC'), m Map(String, UInt64), a Array(Nullable(String)), n Nullable(Int32), l LowCardinality(String)",
    );
    const row = [
      "-9223372036854775808",
      "18446744073709551615",
      "2026-02-28 23:59:59.123456789",
      { "k'1": "18446744073709551615", '"': "0" },
      ["x", null, "\\\n☃ 😀"],
      null,
      "low",
    ];
    await client.insert({ table, values: [row], format: "JSONCompactEachRow" });
    const settings = { output_format_json_quote_64bit_integers: 1 } as const;
    const answer = await client.query({
      query: `SELECT * FROM ${table}`,
      format: "JSONCompactEachRow",
      clickhouse_settings: settings,
    });
    expect(await answer.json()).toEqual([row]);
    // The setting belonged to that request alone.
    expect(await (await client.query({ query: "SELECT toUInt64(7) AS u", format: "JSONEachRow" })).json()).toEqual([
      { u: 7 },
    ]);
  });

  test.each([
    "it's",
    "\\",
    "\\'; DROP TABLE x; --",
    "line\nbreak\ttab\rreturn",
    "{a:String} {b}",
    "☃ 😀 \u202e",
    "\\N",
    "`\"' /* -- # */",
    "",
    "nul\0nul",
    "x".repeat(50_000),
  ])("a parameter is a value whatever it holds: %j", async (text) => {
    const [row] = await rows<Record<string, unknown>>(
      "SELECT {a:String} AS a, {b:Array(String)} AS b, {c:Map(String, String)} AS c, {d:Nullable(String)} AS d",
      { a: text, b: [text, "y"], c: { [text]: text }, d: null },
    );
    // The client sends a text of \N as it sends null, so that only the quoted places can tell them apart.
    const isNull = text === "\\N";
    expect(row).toEqual({ a: isNull ? row?.a : text, b: [text, "y"], c: { [text]: text }, d: null });
  });

  test("typed parameters, and identifiers", async () => {
    const query =
      "SELECT {u:UInt64} AS u, {i:Int64} AS i, {t:DateTime64(3, 'UTC')} AS t, {b:Bool} AS b, {column:Identifier} AS c FROM (SELECT 5 AS `a b`)";
    const answer = await client.query({
      query,
      format: "JSONEachRow",
      query_params: {
        u: 18446744073709551615n,
        i: -5,
        t: new Date("2026-01-02T03:04:05.678Z"),
        b: true,
        column: "a b",
      },
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
    });
    expect(await answer.json()).toEqual([
      { u: "18446744073709551615", i: "-5", t: "2026-01-02 03:04:05.678", b: true, c: 5 },
    ]);
  });

  test("10,000 ids as one parameter", async () => {
    const ids = Array.from({ length: 10_000 }, () => randomUUID());
    expect(await rows("SELECT length({ids:Array(String)}) AS n, {ids:Array(String)}[10000] AS last", { ids })).toEqual([
      { n: 10_000, last: ids.at(-1) },
    ]);
  });

  test("a parameter of an earlier request is not there for the next", async () => {
    for (let index = 0; index < 8; index++) await rows("SELECT {secret:String} AS v", { secret: "s" });
    expect((await failure(rows("SELECT {secret:String} AS v"))).type).toBe("UNKNOWN_QUERY_PARAMETER");
  });

  test("formats: JSON with its meta data, streams of rows, no rows", async () => {
    const json = await client.query({ query: "SELECT number AS n FROM numbers(2)", format: "JSON" });
    expect(await json.json()).toMatchObject({
      meta: [{ name: "n", type: "UInt64" }],
      data: [{ n: 0 }, { n: 1 }],
      rows: 2,
    });
    expect(await rows("SELECT 1 WHERE 0")).toEqual([]);
    expect(await rows("SELECT 1, 'x'", {}, "JSONCompactEachRow")).toEqual([[1, "x"]]);
    const text = await client.query({ query: "SELECT 1 AS a, 'x' AS b", format: "CSVWithNames" });
    expect(await text.text()).toBe('"a","b"\n1,"x"\n');
  });

  test("database of the client, and statements that show", async () => {
    await client.command({ query: "CREATE DATABASE IF NOT EXISTS `other db`" });
    const other = connect(server, { database: "other db" });
    await other.command({ query: "CREATE TABLE IF NOT EXISTS here (a UInt8) ENGINE = MergeTree ORDER BY a" });
    const tables = await other.query({ query: "SHOW TABLES", format: "JSONEachRow" });
    expect(await tables.json()).toEqual([{ name: "here" }]);
    await other.close();
    expect(await rows("SELECT currentDatabase() AS d")).toEqual([{ d: "default" }]);
    expect((await failure(connect(server, { database: "absent" }).query({ query: "SELECT 1" }))).type).toBe(
      "UNKNOWN_DATABASE",
    );
  });
});

describe("refusals", () => {
  test.each([
    ["SELEC 1", "62", "SYNTAX_ERROR"],
    ["SELECT * FROM absent", "60", "UNKNOWN_TABLE"],
    ["SELECT absent FROM system.one", "47", "UNKNOWN_IDENTIFIER"],
    ["SELECT 1; DROP TABLE x", "62", "SYNTAX_ERROR"],
    ["SELECT throwIf(number = 3) FROM numbers(5)", "395", "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"],
    ["SET max_threads = 1", "48", "NOT_IMPLEMENTED"],
    ["SELECT 1 SETTINGS max_execution_time = 0", "452", "SETTING_CONSTRAINT_VIOLATION"],
    ["SELECT 1 SETTINGS max_memory_usage = 99999999999", "452", "SETTING_CONSTRAINT_VIOLATION"],
    ["SELECT 1 INTO OUTFILE '/tmp/x'", "48", "NOT_IMPLEMENTED"],
  ])("%s", async (query, code, type) => {
    expect(await failure(client.query({ query, format: "JSONEachRow" }))).toMatchObject({ code, type });
  });

  test("data that do not fit, an unknown setting, a session", async () => {
    const table = await newTable("id UInt64");
    const bad = client.insert({ table, values: [["not a number"]], format: "JSONCompactEachRow" });
    expect(Number((await failure(bad)).code)).toBeGreaterThan(0);
    expect(await rows(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 0 }]);
    const unknown = client.query({
      query: "SELECT 1",
      clickhouse_settings: { ["no_such_setting" as "max_threads"]: 1 },
    });
    expect((await failure(unknown)).type).toBe("UNKNOWN_SETTING");
    expect((await failure(client.query({ query: "SELECT 1", session_id: "s" }))).type).toBe("NOT_IMPLEMENTED");
    // A refused setting does not stay on the connection.
    const wrong = client.query({ query: "SELECT 1", clickhouse_settings: { max_block_size: "abc" } });
    await failure(wrong);
    for (let index = 0; index < 6; index++) expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("nothing of a failed statement appears in the answer of the next", async () => {
    const failing = "SELECT throwIf(number = 70000), number FROM numbers(90000)";
    for (let index = 0; index < 6; index++) {
      await failure(client.query({ query: failing, format: index % 2 === 0 ? "JSONEachRow" : "JSON" }));
    }
    for (let index = 0; index < 6; index++) expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test.each([
    { allow_ddl: 0 },
    { dialect: "prql" },
    { readonly: "1" },
    { max_query_size: "1" },
    { max_parser_depth: "1" },
  ] as readonly ClickHouseSettings[])(
    "%j, which forbids what comes after it, does not outlive its request",
    async (clickhouse_settings) => {
      const read = async () => {
        const answer = await client.query({ query: "SELECT 1 AS one", format: "JSONEachRow", clickhouse_settings });
        await answer.text();
      };
      await Promise.allSettled([read(), read(), read(), read(), read(), read()]);
      const create = client.command({ query: "CREATE TABLE absent (a UInt8)", clickhouse_settings });
      await failure(create);
      await Promise.all(
        [1, 2, 3, 4, 5, 6].map(async () => expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }])),
      );
      await newTable("a UInt8");
    },
  );

  test("a limit of the client on its result is an error at that limit", async () => {
    const clickhouse_settings = { max_result_rows: "1000" };
    const answer = client.query({
      query: "SELECT number FROM numbers(1000000)",
      format: "JSONEachRow",
      clickhouse_settings,
    });
    expect((await failure(answer)).type).toBe("TOO_MANY_ROWS_OR_BYTES");
  });

  test("time and memory of reads are limited, and the client can lower them", async () => {
    const heavy = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)";
    const slow = client.query({ query: heavy, clickhouse_settings: { max_execution_time: 1 } });
    expect((await failure(slow)).type).toBe("TIMEOUT_EXCEEDED");
    const large = client.query({
      query: "SELECT uniqExact(number) FROM numbers(20000000)",
      clickhouse_settings: { max_memory_usage: "20000000" },
    });
    expect((await failure(large)).type).toBe("MEMORY_LIMIT_EXCEEDED");
    const asked = await client.query({
      query: "SELECT toUInt32(getSetting('max_execution_time')) AS seconds",
      format: "JSONEachRow",
      clickhouse_settings: { max_execution_time: 0 },
    });
    expect(await asked.json()).toEqual([{ seconds: 30 }]);
  });

  test("wrong credentials", async () => {
    const wrong = connect(server, { password: "wrong" });
    expect((await failure(wrong.query({ query: "SELECT 1" }))).type).toBe("AUTHENTICATION_FAILED");
    await wrong.close();
    const none = await fetch(`${server.url}/?query=SELECT%201`);
    expect(none.status).toBe(403);
    expect(none.headers.get("x-clickhouse-exception-code")).toBe("516");
    const headers = { "X-ClickHouse-User": server.username, "X-ClickHouse-Key": server.password };
    expect(await (await fetch(`${server.url}/?query=SELECT%201`, { headers })).text()).toBe("1\n");
  });

  test("bodies that are damaged", async () => {
    const headers = { "X-ClickHouse-User": server.username, "X-ClickHouse-Key": server.password };
    const damaged = await fetch(server.url, {
      method: "POST",
      body: "not gzip",
      headers: { ...headers, "Content-Encoding": "gzip" },
    });
    expect(damaged.status).toBe(400);
    const multipart = { ...headers, "Content-Type": "multipart/form-data; boundary=b" };
    expect((await fetch(server.url, { method: "POST", body: "--b\r\n", headers: multipart })).status).toBe(400);
    expect((await fetch(server.url, { method: "POST", headers })).status).toBe(400);
    expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

describe("several at once", () => {
  test("reads go on while a write runs, and beside each other", { retry: 2 }, async () => {
    const table = await newTable("a UInt64");
    let isWritten = false;
    const write = client
      .command({
        query: `INSERT INTO ${table} SELECT sleepEachRow(0.02) + number FROM numbers(150) SETTINGS max_block_size = 10`,
      })
      .then(() => {
        isWritten = true;
      });
    const started = performance.now();
    await Promise.all([1, 2, 3].map(() => rows("SELECT sleep(1)")));
    expect(performance.now() - started).toBeLessThan(2_500);
    expect(isWritten).toBe(false);
    await write;
    expect(await rows(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 150 }]);
  });

  test("60 requests with parameters at once each get their own answer", async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => rows<{ v: number }>("SELECT {v:UInt32} AS v", { v: index })),
    );
    expect(answers.map(([row]) => row?.v)).toEqual(Array.from({ length: 60 }, (_, index) => index));
  });

  test("a client that goes away frees the session and disturbs nobody", async () => {
    const mark = randomUUID();
    const heavy = `SELECT sum(sipHash64(number)) AS \`${mark}\` FROM numbers(1000000000000)`;
    const controllers = Array.from({ length: 6 }, () => new AbortController());
    const aborted = controllers.map(({ signal }) =>
      client.query({ query: heavy, abort_signal: signal }).catch((reason: Error) => reason.message),
    );
    // All read sessions are busy: what runs is seen by asking which statements a KILL would end.
    const running = `KILL QUERY WHERE query LIKE '%${mark}%' AND query NOT LIKE '%system.processes%' TEST FORMAT JSONEachRow`;
    const countRunning = async () => {
      const answer = await fetch(`${server.url}/?query=${encodeURIComponent(running)}`, { headers: credentials() });
      return (await answer.text()).split("\n").length - 1;
    };
    await until(async () => (await countRunning()) === 3);
    for (const controller of controllers) controller.abort();
    expect(new Set(await Promise.all(aborted))).toEqual(new Set(["The user aborted a request."]));
    for (let index = 0; index < 6; index++) expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await until(async () => (await countRunning()) === 0);
  });

  test("a big result is streamed, in memory that does not grow with it", async () => {
    const compressing = connect(server, { compression: { response: true } });
    const before = residentMebibytes(server.pid());
    let peak = before;
    let count = 0;
    const answer = await compressing.query({
      query: "SELECT number, repeat('x', 200) AS text FROM numbers(2000000) ORDER BY number",
      format: "JSONCompactEachRow",
    });
    for await (const batch of answer.stream()) {
      count += batch.length;
      peak = Math.max(peak, residentMebibytes(server.pid()));
    }
    await compressing.close();
    expect(count).toBe(2_000_000);
    // 460 MB of text.
    expect(peak - before).toBeLessThan(250);
    expect(readdirSync(join(directory, "spool"))).toEqual([]);
  });

  test("a big result in a format that has a beginning and an end, and an error far into one", async () => {
    const answer = await client.query({ query: "SELECT number AS n FROM numbers(300000)", format: "JSON" });
    const { data, rows: count } = (await answer.json()) as { data: { n: number }[]; rows: number };
    expect([count, data.length, data.at(-1)?.n]).toEqual([300_000, 300_000, 299_999]);
    const late = client.query({
      query: "SELECT throwIf(number = 900000), number FROM numbers(1000000)",
      format: "JSONEachRow",
    });
    expect((await failure(late)).code).toBe("395");
    expect(readdirSync(join(directory, "spool"))).toEqual([]);
  });

  function credentials() {
    return { "X-ClickHouse-User": server.username, "X-ClickHouse-Key": server.password };
  }
});

describe("limits", () => {
  test("a full line of writes, large bodies, large results: refused with a code, then all is well again", async () => {
    await withServer(
      { writeWaitersMax: 1, bodyBytesMax: 1_000_000, spooledResultBytesMax: 50_000_000, waitMsMax: 10_000 },
      async (small) => {
        const limited = connect(small, { max_open_connections: 20 });
        await limited.command({ query: "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a" });
        const slow = () =>
          limited.command({ query: "INSERT INTO t SELECT sleepEachRow(0.1) + number FROM numbers(10)" });
        const outcomes = await Promise.allSettled([slow(), slow(), slow(), slow(), slow()]);
        const refused = outcomes.filter((outcome) => outcome.status === "rejected").map((outcome) => outcome.reason);
        expect(refused.map(({ type }) => type)).toEqual(Array(3).fill("TOO_MANY_SIMULTANEOUS_QUERIES"));
        const large = limited.insert({ table: "t", values: Array(400_000).fill([1]), format: "JSONCompactEachRow" });
        expect((await failure(large)).type).toBe("TOO_MANY_BYTES");
        for (const compression of [{ request: true }, { request: false }]) {
          const sender = connect(small, { compression });
          for (let index = 0; index < 10; index++) {
            const body = sender.insert({
              table: "t",
              values: Array(100).fill(["x".repeat(100_000)]),
              format: "JSONCompactEachRow",
            });
            expect((await failure(body)).type).toBe("TOO_MANY_BYTES");
          }
          await sender.close();
        }
        const huge = limited.query({
          query: "SELECT repeat('x', 1000) FROM numbers(100000000)",
          format: "JSONEachRow",
        });
        expect((await failure(huge)).type).toBe("TOO_MANY_BYTES");
        const answer = await limited.query({ query: "SELECT count() AS n FROM t", format: "JSONEachRow" });
        expect(await answer.json()).toEqual([{ n: 20 }]);
        await limited.close();
      },
    );
  });
});

describe("life of the process", () => {
  test("kill -9 while it inserts: every acknowledged row is there, each once, and it is back by itself", async () => {
    await withServer({}, async (killed) => {
      const writer = connect(killed);
      await writer.command({
        query: `CREATE TABLE t (id UInt64, text String) ENGINE = MergeTree ORDER BY id
                SETTINGS non_replicated_deduplication_window = 1000`,
      });
      const batchRows = 500;
      const batches = 80;
      const pids = new Set<number>([killed.pid()]);
      let next = 0;
      let acknowledged = 0;
      const insertUntilAcknowledged = async (batch: number) => {
        const values = Array.from({ length: batchRows }, (_, index) => [batch * batchRows + index, "x".repeat(300)]);
        const clickhouse_settings = { insert_deduplication_token: `batch ${batch}` };
        const insert = () =>
          writer.insert({ table: "t", values, format: "JSONCompactEachRow", clickhouse_settings }).then(
            () => true,
            () => false,
          );
        await until(insert);
        acknowledged += 1;
        // Three other inserts are under way at this moment.
        if (acknowledged === 20 || acknowledged === 50) process.kill(killed.pid(), "SIGKILL");
        pids.add(killed.pid());
      };
      const sender = async () => {
        while (next < batches) await insertUntilAcknowledged(next++);
      };
      await Promise.all([sender(), sender(), sender(), sender()]);
      expect(pids.size).toBe(3);
      const query = "SELECT count() AS n, uniqExact(id) AS u FROM t";
      const answer = await writer.query({ query, format: "JSONEachRow" });
      expect(await answer.json()).toEqual([{ n: batches * batchRows, u: batches * batchRows }]);
      await writer.close();
    });
  });

  test("a deduplication token makes a repeated insert a no-op, other tokens do not", async () => {
    const table = await newTable(
      "id UInt64",
      "ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100",
    );
    const insert = (token: string) =>
      client.insert({
        table,
        values: [[1], [2]],
        format: "JSONCompactEachRow",
        clickhouse_settings: { insert_deduplication_token: token },
      });
    for (const token of ["a", "a", "it's \\ 'b", "a", "it's \\ 'b"]) await insert(token);
    expect(await rows(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 4 }]);
  });

  test("a second process on the same directory is refused, and says by whom", async () => {
    const second = startChdbServer({ dataDirectory: directory, lockWaitMs: 200 });
    await expect(second).rejects.toMatchObject({
      code: "DIRECTORY_IN_USE",
      message: expect.stringContaining(`pid ${server.pid()}`),
    });
    expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("close lets the running write finish, keeps the data, and can be called twice", async () => {
    const own = mkdtempSync(join(tmpdir(), "nonet-chdb-"));
    const first = await startChdbServer({ dataDirectory: own });
    const writer = connect(first);
    await writer.command({ query: "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a" });
    const write = writer.command({ query: "INSERT INTO t SELECT sleepEachRow(0.1) + number FROM numbers(10)" });
    await until(async () => {
      const running = await writer.query({
        query: "SELECT query FROM system.processes WHERE query LIKE 'INSERT INTO t%'",
        format: "JSONEachRow",
      });
      return (await running.json()).length === 1;
    });
    await Promise.all([first.close(), first.close()]);
    await write;
    await writer.close();

    const second = await startChdbServer({ dataDirectory: own });
    const reader = connect(second);
    const answer = await reader.query({ query: "SELECT count() AS n FROM t", format: "JSONEachRow" });
    expect(await answer.json()).toEqual([{ n: 10 }]);
    expect(second.password).not.toBe(first.password);
    await reader.close();
    await second.close();
    rmSync(own, { recursive: true });
  });

  test("it ends with its parent", async () => {
    const own = mkdtempSync(join(tmpdir(), "nonet-chdb-"));
    const module = new URL("./chdb-server.ts", import.meta.url).href;
    const script = `import { startChdbServer } from ${JSON.stringify(module)};
      const server = await startChdbServer({ dataDirectory: ${JSON.stringify(own)} });
      console.log(server.pid());`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = Number(await new Promise<Buffer>((resolve) => parent.stdout.once("data", resolve)));
    expect(isRunning(pid)).toBe(true);
    parent.kill("SIGKILL");
    await until(() => !isRunning(pid));
    // The directory is free again at once.
    const next = await startChdbServer({ dataDirectory: own });
    await next.close();
    rmSync(own, { recursive: true });
  });

  test("run alone it says on standard output where it listens, or why it does not", async () => {
    const own = mkdtempSync(join(tmpdir(), "nonet-chdb-"));
    const main = fileURLToPath(new URL("./main.ts", import.meta.url));
    const run = (config: object) =>
      spawn(process.execPath, [main], {
        env: { ...process.env, NONET_CHDB_SERVER: JSON.stringify({ dataDirectory: own, password: "p", ...config }) },
        stdio: ["ignore", "pipe", "inherit"],
      });
    const alone = run({});
    const { ready } = JSON.parse(String(await new Promise<Buffer>((resolve) => alone.stdout.once("data", resolve))));
    expect(await (await fetch(`${ready.url}/ping`)).text()).toBe("Ok.\n");
    const second = run({ lockWaitMs: 100 });
    const { refused } = JSON.parse(String(await new Promise<Buffer>((resolve) => second.stdout.once("data", resolve))));
    expect(refused.code).toBe("DIRECTORY_IN_USE");
    const ended = new Promise((resolve) => alone.once("exit", resolve));
    alone.kill("SIGTERM");
    expect(await ended).toBe(0);
    rmSync(own, { recursive: true });
  });
});

async function withServer(
  options: Partial<ChdbServerOptions>,
  work: (server: ChdbServer) => Promise<void>,
): Promise<void> {
  const own = mkdtempSync(join(tmpdir(), "nonet-chdb-"));
  const started = await startChdbServer({ dataDirectory: own, ...options });
  try {
    await work(started);
  } finally {
    await started.close();
    rmSync(own, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** 0 where the system has no /proc: the bound then says nothing there. */
function residentMebibytes(pid: number): number {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return 0;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(path, "utf8"))?.[1]) / 1024;
}
