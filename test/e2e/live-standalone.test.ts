import { afterAll, beforeAll, describe } from "vitest";
import { liveConformance } from "./live.conformance.ts";
import { type StandaloneFixture, startStandaloneFixture } from "./standalone-fixture.ts";

describe("live in standalone", () => {
  let shape: StandaloneFixture;
  beforeAll(async () => {
    shape = await startStandaloneFixture();
  });
  afterAll(() => shape?.close());
  liveConformance(() => shape);
});
