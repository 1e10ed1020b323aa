import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseStatement } from "./sql-statement.ts";

describe("kind", () => {
  test.each([
    ["SELECT 1", "select"],
    ["  -- why\n/* because; */ with 1 AS x select x", "select"],
    ["(SELECT 1) UNION ALL (SELECT 2)", "read"],
    ["show tables", "read"],
    ["EXPLAIN SELECT 1", "read"],
    ["INSERT INTO t SELECT 1", "insert"],
    ["WITH 1 AS x INSERT INTO t SELECT x", "insert"],
    ["WITH 'INSERT INTO' AS x SELECT x", "select"],
    ["ALTER TABLE t DELETE WHERE 1", "write"],
    ["KILL QUERY WHERE 0", "kill"],
  ])("%s", (sql, kind) => {
    expect(parseStatement(sql).kind).toBe(kind);
  });
});

describe("format", () => {
  test.each([
    ["SELECT 1 FORMAT JSON", "JSON", "SELECT 1  "],
    ["SELECT 1 \nformat JSONEachRow;", "JSONEachRow", "SELECT 1 \n "],
    ["SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "JSON", "SELECT 1   SETTINGS max_threads = 1"],
    ["SELECT format FROM t", undefined, "SELECT format FROM t"],
    ["SELECT 'FORMAT JSON'", undefined, "SELECT 'FORMAT JSON'"],
    ["SELECT (SELECT 1 FORMAT x) FORMAT CSV", "CSV", "SELECT (SELECT 1 FORMAT x)  "],
    ["SELECT 1 -- FORMAT JSON", undefined, "SELECT 1 -- FORMAT JSON"],
  ])("%s", (sql, format, without) => {
    const statement = parseStatement(sql);
    expect(statement.format).toBe(format);
    expect(statement.sqlWithoutFormat).toBe(without);
  });
});

describe("one statement only", () => {
  test.each([
    "SELECT 1; SELECT 2",
    "SELECT 1;;x",
    "INSERT INTO t VALUES (1); DROP TABLE t",
    "SELECT $$a;b$$; SELECT 2",
  ])("%s is refused", (sql) => {
    expect(() => parseStatement(sql)).toThrow(/Multi-statements/);
  });

  test.each([
    "SELECT ';'",
    'SELECT 1 AS "a;b"',
    "SELECT `a;b`",
    "SELECT '\\'; x'",
    "SELECT 'it''s; x'",
    "SELECT $tag$ ; $$ ; $tag$",
    "SELECT 1 -- ; x",
    "SELECT 1 # ; x",
    "SELECT 1 /* ; */",
    "SELECT 1 ; ; -- end",
    "INSERT INTO t VALUES ('a;b', 2);",
  ])("%s is one", (sql) => {
    expect(() => parseStatement(sql)).not.toThrow();
  });

  test.each(["", "  ", "-- nothing", ";"])("%j is none", (sql) => {
    expect(() => parseStatement(sql)).toThrow(/SYNTAX_ERROR|Empty/);
  });

  test("a quoted text hides whatever it holds", () => {
    const quoted = fc.tuple(fc.constantFrom("'", '"', "`"), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(quoted, ([quote, text]) => {
        const escaped = text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`);
        const statement = parseStatement(`SELECT ${quote}${escaped}${quote} AS x FORMAT JSON`);
        expect(statement.format).toBe("JSON");
      }),
    );
  });

  test("any text is a statement or a refusal with a code", () => {
    const words = fc.constantFrom(
      "SELECT",
      "INSERT",
      "INTO",
      "FORMAT",
      "JSON",
      "VALUES",
      "(",
      ")",
      "{",
      "a",
      ":",
      ";",
      "'",
      "--",
      "/*",
      "$$",
      "\n",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string())), (parts) => {
        try {
          parseStatement(parts.join(" "));
        } catch (caught) {
          expect((caught as Error).message).toMatch(/^Code: \d+\. DB::Exception: /);
        }
      }),
    );
  });
});

describe("insert", () => {
  test("a plain one is taken apart, its data begin after the format", () => {
    const text =
      "INSERT INTO db.t (a, b.c) SETTINGS max_threads = 1, insert_deduplication_token = 'it''s' FORMAT JSONEachRow {\"a\":1}; x";
    const statement = parseStatement(text);
    expect(statement).toMatchObject({
      kind: "insert",
      format: "JSONEachRow",
      insert: { table: "db.t", columns: ["a", "b.c"] },
    });
    expect(text.slice(statement.dataStart)).toBe(' {"a":1}; x');
    expect([...statement.settings]).toEqual([
      ["max_threads", "1"],
      ["insert_deduplication_token", "it's"],
    ]);
  });

  test.each([
    "INSERT INTO `t` FORMAT CSV",
    "INSERT INTO t (* EXCEPT a) FORMAT CSV",
    "INSERT INTO FUNCTION null('a Int8') FORMAT CSV",
    "INSERT INTO t SETTINGS x = 1 + 1 FORMAT CSV",
  ])("%s is left whole", (sql) => {
    expect(parseStatement(sql)).toMatchObject({ insert: undefined, sql, dataStart: sql.length });
  });

  test("of millions of values in the text", { retry: 2 }, () => {
    const row = "(1, 'some text; with {braces}', [1, 2]),";
    const started = performance.now();
    const statement = parseStatement(
      `INSERT INTO t VALUES ${row.repeat(100_000)} ({last:UInt8}, '${"x".repeat(5_000_000)}', [])`,
    );
    expect(statement.parameters).toEqual(["last"]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

test("parameters are placeholders only", () => {
  const sql = "SELECT {a:String}, { b : Array(UInt8) }, '{c:String}', {'d': 1}, {a:String} -- {e:String}";
  expect(parseStatement(sql).parameters).toEqual(["a", "b"]);
});

test("settings at any depth, the literal ones", () => {
  const sql = "SELECT * FROM (SELECT 1 SETTINGS Max_Execution_Time = 0) SETTINGS max_memory_usage = '5', x = 1";
  expect([...parseStatement(sql).settings]).toEqual([
    ["max_execution_time", "0"],
    ["max_memory_usage", "5"],
    ["x", "1"],
  ]);
});

test.each(["SET x = 1", "USE db", "CREATE TEMPORARY TABLE t (a Int8)", "SELECT 1 INTO OUTFILE 'x' FORMAT CSV"])(
  "%s is refused",
  (sql) => {
    expect(() => parseStatement(sql)).toThrow(/^Code: 48\./);
  },
);
