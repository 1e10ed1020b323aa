/**
 * The API keeps what its OpenAPI document promises, whatever is asked: no server error, no status, media type or body that is not documented,
 * no good request refused. `NONET_FUZZ_EXAMPLES` asks for more than CI has time for (`pnpm fuzz:api`).
 */
import {
  exampleRequest,
  exampleSessionId,
  firstTraceId,
  firstTurnSpans,
  secondTraceId,
  secondTurnSpans,
} from "@nonet/query-api/session-traces/testdata/worked-example.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportJson, untilQueryable } from "../export-client.ts";
import { type StandaloneFixture, startStandaloneFixture } from "../standalone-fixture.ts";
import { fuzzApi } from "./fuzz-api.ts";

const examples = Number(process.env["NONET_FUZZ_EXAMPLES"] ?? 3);
const seed = Number(process.env["NONET_FUZZ_SEED"] ?? 8);
let standalone: StandaloneFixture;
let receipt: string;

beforeAll(async () => {
  standalone = await startStandaloneFixture({ NONET_API_RATE_PER_MINUTE: "0" });
  const sent = await exportJson(standalone, exampleRequest([...firstTurnSpans, ...secondTurnSpans]));
  receipt = sent.receipt;
  await untilQueryable(standalone, receipt);
});

afterAll(() => standalone?.close());

test(`keeps its document over ${examples} requests an operation`, async () => {
  const spanIds = [...firstTurnSpans, ...secondTurnSpans].map((span) => span.spanId);
  const report = await fuzzApi({
    apiUrl: standalone.apiUrl,
    apiKey: standalone.apiKey,
    known: {
      "path.projectId": ["default"],
      "path.tenantId": ["default"],
      "path.sessionId": [exampleSessionId],
      "path.spanId": spanIds,
      "path.traceId": [firstTraceId, secondTraceId],
      "path.receiptId": [receipt],
    },
    examples,
    seed,
  });
  expect(report.passed, report.output).toBe(true);
}, 3_600_000);
