import { describe, expect, it } from "vitest";
import { PipelineError } from "../errors.ts";
import { controlError } from "./control-error.ts";

const thrown = (fields: object, message = "text") => Object.assign(new Error(message), fields);

describe("controlError", () => {
  it.each([
    ["a server that is shut down", thrown({ code: "57P01" }), "CONTROL_UNAVAILABLE"],
    ["a server that is read-only", thrown({ code: "25006" }), "CONTROL_UNAVAILABLE"],
    ["a server with a full disk", thrown({ code: "53100" }), "CONTROL_UNAVAILABLE"],
    ["a password that is refused", thrown({ code: "28P01" }), "CONTROL_UNAVAILABLE"],
    ["a statement that took too long", thrown({ code: "57014" }), "CONTROL_UNAVAILABLE"],
    ["a closed port", thrown({ code: "ECONNREFUSED" }, ""), "CONTROL_UNAVAILABLE"],
    ["a lost connection", new Error("Connection terminated unexpectedly"), "CONTROL_UNAVAILABLE"],
    ["a full disk under SQLite", thrown({ code: "ERR_SQLITE_ERROR", errcode: 13 }), "CONTROL_UNAVAILABLE"],
    ["a locked SQLite file", thrown({ code: "ERR_SQLITE_ERROR", errcode: 261 }), "CONTROL_UNAVAILABLE"],
    ["a unique key, PostgreSQL", thrown({ code: "23505" }), "INTERNAL"],
    ["a unique key, SQLite", thrown({ code: "ERR_SQLITE_ERROR", errcode: 2067 }), "INTERNAL"],
    ["a table that is missing, PostgreSQL", thrown({ code: "42P01" }), "INTERNAL"],
    ["a table that is missing, SQLite", thrown({ code: "ERR_SQLITE_ERROR", errcode: 1 }), "INTERNAL"],
    ["a wrong argument", new TypeError("undefined is not a function"), "INTERNAL"],
    ["what is no error", "text", "CONTROL_UNAVAILABLE"],
  ])("names %s", (_, error, code) => {
    expect(controlError(error)).toMatchObject({ code, retryable: code === "CONTROL_UNAVAILABLE", cause: error });
  });

  it("lets a PipelineError pass, and always gives a reason", () => {
    const error = new PipelineError("NOT_FOUND", "no project");
    expect(controlError(error)).toBe(error);
    expect(controlError(thrown({ code: "ECONNREFUSED" }, "")).message).toContain("ECONNREFUSED");
  });
});
