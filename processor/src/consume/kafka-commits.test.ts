import { expect, test } from "vitest";
import { createKafkaCommits } from "./kafka-commits.ts";

function open(outcomes: readonly ("ok" | "fail")[] = []) {
  const sent: string[] = [];
  let gate = Promise.resolve();
  const commits = createKafkaCommits(async (offsets) => {
    const text = [...offsets].map(([partition, offset]) => `${partition}:${offset}`).join(" ");
    await gate;
    sent.push(text);
    if (outcomes[sent.length - 1] === "fail") throw new Error("away");
  });
  return { commits, sent, hold: (until: Promise<void>) => (gate = until) };
}

test("partitions that ask while a request is under way share the next one, with their latest offsets", async () => {
  const { commits, sent, hold } = open();
  const gate = Promise.withResolvers<void>();
  hold(gate.promise);
  commits.request(0, 1n);
  commits.request(1, 5n);
  commits.request(0, 2n);
  commits.request(0, 3n);
  gate.resolve();
  await commits.flush(5_000);
  expect(sent).toEqual(["0:1", "0:3 1:5"]);
  expect(commits.confirmed(0)).toBe(3n);
});

test("a failed request is tried again with what is asked for then", async () => {
  const { commits, sent } = open(["fail", "fail"]);
  commits.request(0, 1n);
  await expect.poll(() => sent.length).toBe(1);
  expect(commits.confirmed(0)).toBeUndefined();
  commits.request(0, 2n);
  await commits.flush(5_000);
  expect(sent).toEqual(["0:1", "0:2", "0:2"]);
  expect(commits.confirmed(0)).toBe(2n);
});

test("what was lost is not committed by a later attempt", async () => {
  const { commits, sent } = open(["fail"]);
  commits.request(0, 1n);
  commits.request(1, 1n);
  await expect.poll(() => sent.length).toBe(1);
  commits.forget(0);
  await commits.flush(5_000);
  expect(sent.slice(1).join()).not.toContain("0:");
  expect(commits.confirmed(0)).toBeUndefined();
  expect(commits.confirmed(1)).toBe(1n);
});

test("close ends the attempts", async () => {
  const { commits, sent } = open(Array(100).fill("fail"));
  commits.request(0, 1n);
  await expect.poll(() => sent.length).toBe(1);
  commits.close();
  await commits.flush(5_000);
  expect(sent.length).toBeLessThan(3);
});
