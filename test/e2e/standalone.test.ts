import { describe } from "vitest";
import { pipelineConformance } from "./pipeline.conformance.ts";
import { startStandaloneFixture } from "./standalone-fixture.ts";

describe("standalone", () => {
  pipelineConformance(() => startStandaloneFixture());
});
