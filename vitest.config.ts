import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{proto,ingest,processor,query-api,deploy}/**/*.test.ts",
            "test/corpus/**/*.test.ts",
            "test/e2e/corpus-mapping.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/*.service.test.ts"],
          // Properties and time ratios run long on a shared machine.
          testTimeout: 60_000,
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
          exclude: ["**/node_modules/**", "test/e2e/corpus-mapping.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        // Real SDKs, a browser, and recorded traffic of Go programs; the programs themselves run by `pnpm test:interop`.
        test: {
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          testTimeout: 480_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
