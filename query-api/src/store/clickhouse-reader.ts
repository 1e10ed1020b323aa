/** Reads from the ClickHouse dialect. Every read is bounded in time and memory: an aborted request does not stop the engine, these do. */
import { type ClickHouseClient, ClickHouseError } from "@clickhouse/client";
import { PipelineError } from "@nonet/proto/errors.ts";

export interface ReaderLimits {
  /** Longer than any page takes; an export sets its own. */
  readonly executionSecondsMax: number;
  readonly memoryBytesMax: number;
}

export interface ClickhouseReader {
  /**
   * @param query  with parameters as `{name:Type}`; 64-bit integers come back as decimal strings.
   * @throws PipelineError `STORE_UNAVAILABLE` (away, overloaded or over its limits), `STORE_REJECTED` (a defect of ours).
   */
  select<T>(query: string, parameters: Readonly<Record<string, unknown>>): Promise<T[]>;
}

export function createClickhouseReader(client: ClickHouseClient, limits: ReaderLimits): ClickhouseReader {
  return {
    async select<T>(query: string, parameters: Readonly<Record<string, unknown>>): Promise<T[]> {
      try {
        const answer = await client.query({
          query,
          query_params: { ...parameters },
          format: "JSONEachRow",
          // Lists of ids would make a URL that no server takes.
          use_multipart_params_auto: true,
          clickhouse_settings: {
            max_execution_time: limits.executionSecondsMax,
            max_memory_usage: String(limits.memoryBytesMax),
            output_format_json_quote_64bit_integers: 1,
            // The columns we have skip indexes on are part of the key or are equal in all versions of a row.
            use_skip_indexes_if_final: 1,
          },
        });
        return await answer.json<T>();
      } catch (caught) {
        throw toPipelineError(caught);
      }
    },
  };
}

/** Syntax, unknown names, wrong types: what no retry cures. */
const rejectedCodes = new Set(["10", "36", "42", "43", "46", "47", "53", "60", "62", "70", "81", "386", "456", "457"]);

function toPipelineError(caught: unknown): PipelineError {
  if (caught instanceof ClickHouseError && rejectedCodes.has(caught.code)) {
    return new PipelineError("STORE_REJECTED", `ClickHouse ${caught.code}: ${caught.message}`, { cause: caught });
  }
  return PipelineError.from(caught, "STORE_UNAVAILABLE");
}
