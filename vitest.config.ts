import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{proto,ingest,processor,query-api,deploy}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/*.service.test.ts"],
        },
      },
      {
        // Needs a real service (Kafka, Redis, PostgreSQL or the embedded ClickHouse), started by the test itself through deploy/local.
        test: {
          name: "service",
          include: ["{proto,ingest,processor,query-api,deploy}/**/*.service.test.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
