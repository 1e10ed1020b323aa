import { expect, test } from "vitest";
import { z } from "zod";
import { listenAddresses } from "./listen-address.ts";
import { parseConfig } from "./parse-config.ts";

const schema = z.object({
  NONET_ADDRESS: listenAddresses.prefault("127.0.0.1:4317,[::1]:4317"),
  NONET_COUNT: z.coerce.number().int().min(1).default(3),
  DATABASE_URL: z.string(),
});

test("defaults hold, and an empty value counts as absent", () => {
  expect(parseConfig(schema, { DATABASE_URL: "x", NONET_COUNT: "" })).toEqual({
    NONET_ADDRESS: [
      { host: "127.0.0.1", port: 4317 },
      { host: "::1", port: 4317 },
    ],
    NONET_COUNT: 3,
    DATABASE_URL: "x",
  });
});

test("all problems are reported together, each with its setting", () => {
  expect(() => parseConfig(schema, { NONET_ADDRESS: "localhost", NONET_COUNT: "0" })).toThrow(
    /3 problem.*NONET_ADDRESS.*NONET_COUNT.*DATABASE_URL/s,
  );
});

test("a port that cannot be is refused", () => {
  expect(() => parseConfig(schema, { NONET_ADDRESS: "127.0.0.1:70000", DATABASE_URL: "x" })).toThrow(/NONET_ADDRESS/);
});

test("an unknown NONET_ name is told, not passed over", () => {
  const told: string[] = [];
  parseConfig(schema, { DATABASE_URL: "x", NONET_CUONT: "4" }, (message) => told.push(message));
  expect(told).toEqual(["NONET_CUONT is not a setting of this service"]);
});
