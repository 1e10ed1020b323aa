/**
 * The live feed: one bounded stream a project. Its entries are
 *
 *     t <trace id>  v <version>  s <JSON array of session ids>       a notice
 *     r 1                                                            notices were lost here
 *     m 1                                                            nothing: a place to resume from in a stream that had no entry
 */
import { isTraceId } from "../redis-keys.ts";
import type { FeedItem, LiveNotice } from "./projection.ts";

export const lostNoticesFields: readonly string[] = ["r", "1"];
export const placeFields: readonly string[] = ["m", "1"];

export function noticeFields({ traceId, version, sessionIds }: LiveNotice): string[] {
  return ["t", traceId, "v", version.toString(), "s", JSON.stringify(sessionIds)];
}

/**
 * @returns undefined where the entry says nothing; an entry that cannot be read is a reset: something was said there, and nobody knows what.
 */
export function parseFeedEntry(projectId: string, id: string, fields: readonly string[]): FeedItem | undefined {
  if (fields[0] === placeFields[0]) return undefined;
  const [, traceId = "", , version = "", , sessions = ""] = fields;
  const sessionIds = parseSessionIds(sessions);
  if (!isTraceId(traceId) || !/^\d{1,20}$/.test(version) || sessionIds === undefined) return { reset: true, id };
  return { id, notice: { projectId, traceId, version: BigInt(version), sessionIds } };
}

function parseSessionIds(json: string): string[] | undefined {
  try {
    const ids: unknown = JSON.parse(json);
    return Array.isArray(ids) && ids.every((id) => typeof id === "string") ? ids : undefined;
  } catch {
    // Not an entry of ours.
    return undefined;
  }
}
