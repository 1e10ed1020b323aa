import { describe } from "vitest";
import { startDistributedFixture } from "./distributed-fixture.ts";
import { pipelineConformance } from "./pipeline.conformance.ts";

describe("distributed: ingest, two processors and query-api on Kafka, Redis and PostgreSQL", () => {
  pipelineConformance(() => startDistributedFixture());
});
