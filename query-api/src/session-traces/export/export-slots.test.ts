import { expect, it } from "vitest";
import { createExportSlots } from "./export-slots.ts";

it("lets two run per token, and gives a slot back once", () => {
  const slots = createExportSlots(2);
  const first = slots.take("a");
  expect(slots.take("a")).toBeDefined();
  expect(slots.take("a")).toBeUndefined();
  expect(slots.take("b")).toBeDefined();
  first?.();
  first?.();
  expect(slots.take("a")).toBeDefined();
  expect(slots.take("a")).toBeUndefined();
});
