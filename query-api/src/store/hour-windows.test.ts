import fc from "fast-check";
import { expect, it } from "vitest";
import { splitHours } from "./hour-windows.ts";

it("covers the bounds without gap or overlap, in order", () => {
  const hours = fc.uniqueArray(fc.integer({ min: 10, max: 500 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(
      hours,
      fc.integer({ min: 1, max: 9000 }),
      fc.constantFrom("asc" as const, "desc" as const),
      (list, rows, order) => {
        const sorted = list.toSorted((a, b) => (order === "asc" ? a - b : b - a));
        const bounds = { floor: 0, ceiling: 1000 };
        const windows = splitHours(
          sorted.map((hour) => ({ hour, rows })),
          bounds,
          order,
        );
        const ascending = order === "asc" ? windows : windows.toReversed();
        expect(ascending[0]?.floor).toBe(bounds.floor);
        expect(ascending.at(-1)?.ceiling).toBe(bounds.ceiling);
        for (const [index, window] of ascending.entries()) {
          expect(window.floor).toBeLessThan(window.ceiling);
          if (index > 0) expect(window.floor).toBe(ascending[index - 1]?.ceiling);
        }
      },
    ),
  );
});

it("has no window without rows", () => {
  expect(splitHours([], { floor: 0, ceiling: 10 }, "asc")).toEqual([]);
});
