import { expect, test } from "vitest";
import { eventIdOf } from "./event-id.ts";

const span = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

test("ids are those of the specification", () => {
  expect(eventIdOf("acme", span, "tool_result", "")).toBe("ev_df391ac3a17230ccd01df45d50dfdf3d");
  expect(eventIdOf("acme", span, "decision", "handoff")).toBe("ev_6d8f2ba91ceb6e313cb84d6e4e81fcda");
  expect(eventIdOf("acme", { ...span, spanId: "3c4d5e6f708192a3" }, "llm_call", "")).toBe(
    "ev_2cb8005ea6e86ea56bf5c058b1867d05",
  );
});
