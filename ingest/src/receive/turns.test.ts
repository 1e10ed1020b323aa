import { expect, test } from "vitest";
import { createTurns } from "./turns.ts";

test("connections have their turns one after the other, however many requests one of them has", async () => {
  const turns = createTurns(1);
  const order: string[] = [];
  const run = async (connection: { name: string }, number: number) => {
    const end = await turns.take(connection);
    order.push(`${connection.name}${number}`);
    await Promise.resolve();
    end();
  };
  const a = { name: "a" };
  const b = { name: "b" };
  await Promise.all([run(a, 1), run(a, 2), run(a, 3), run(b, 1), run(b, 2)]);
  expect(order).toEqual(["a1", "a2", "b1", "a3", "b2"]);
});

test("no more than so many run at a time, and ending twice counts once", async () => {
  const turns = createTurns(2);
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const end = await turns.take({});
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      end();
      end();
    }),
  );
  expect(most).toBe(2);
});
