/** Tells two copies of a span apart that the mapping cannot: by a digest of their bytes, which the store computes of its own. */
import { hash } from "node:crypto";
import type { ClickHouseClient } from "@clickhouse/client";
import { PipelineError } from "@nonet/proto/errors.ts";

export interface SpanContent {
  readonly span: Uint8Array;
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
}

export interface SpanPlace {
  readonly hour: number;
  readonly traceId: string;
  readonly spanId: string;
}

export interface SpanDigests {
  /**
   * @returns by trace and span id, separated by a space; spans that are not stored are left out.
   * @throws PipelineError `STORE_UNAVAILABLE`.
   */
  ofStored(projectId: string, places: readonly SpanPlace[]): Promise<Map<string, string>>;
}

/** The same as of the stored columns: of three SHA-1 in hex, so that nothing moves from one column to the next. */
export function digestOfSpan({ span, resource, scope }: SpanContent): string {
  return [span, resource, scope].map((bytes) => hash("sha1", bytes, "hex")).join("");
}

/** Of one question, whose parameters travel in the address of the request. */
const placesPerQuery = 500;

export function createSpanDigests(deps: { client: ClickHouseClient }): SpanDigests {
  async function ofSome(projectId: string, places: readonly SpanPlace[]): Promise<DigestRow[]> {
    try {
      const answer = await deps.client.query({
        query: `SELECT trace_id, span_id, lower(concat(hex(SHA1(span)), hex(SHA1(resource)), hex(SHA1(scope)))) AS digest FROM spans FINAL
                WHERE project_id = {project:String} AND hour IN {hours:Array(UInt32)} AND trace_id IN {traces:Array(String)}
                  AND span_id IN {spans:Array(String)}`,
        query_params: {
          project: projectId,
          hours: [...new Set(places.map(({ hour }) => hour))],
          traces: [...new Set(places.map(({ traceId }) => traceId))],
          spans: places.map(({ spanId }) => spanId),
        },
        format: "JSONEachRow",
      });
      return await answer.json<DigestRow>();
    } catch (caught) {
      throw PipelineError.from(caught, "STORE_UNAVAILABLE");
    }
  }

  return {
    async ofStored(projectId, places) {
      const digests = new Map<string, string>();
      for (let first = 0; first < places.length; first += placesPerQuery) {
        for (const row of await ofSome(projectId, places.slice(first, first + placesPerQuery))) {
          digests.set(`${row.trace_id} ${row.span_id}`, row.digest);
        }
      }
      return digests;
    },
  };
}

interface DigestRow {
  readonly trace_id: string;
  readonly span_id: string;
  readonly digest: string;
}
