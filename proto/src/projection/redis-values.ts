/**
 * Versioned values in Redis. A value is one string,
 *
 *     20 decimal digits of the version (UInt64), then the body
 *
 * compared and replaced by one script on one key. Digits of one length compare as text, where Lua's numbers would lose the last bits. An
 * empty body holds the place of a value too large to keep. Writing twice changes nothing, so a pipeline may be run again.
 */
import { createHash } from "node:crypto";
import { PipelineError } from "../errors.ts";
import { assertVersion, type ProjectionOutcome, valueBytesMax } from "./projection.ts";
import { type RedisCommand, type RedisConnection, type RedisReply, refusalCode } from "./redis-connection.ts";

export interface VersionedRow {
  readonly key: string;
  readonly version: bigint;
  readonly body: string;
}

/** As it goes to Redis: 20 digits, and no body that is too large. */
interface PreparedRow {
  readonly key: string;
  readonly version: string;
  readonly body: string;
}

export interface WriteLimits {
  readonly ttlMs: number;
  /** For all rows together. */
  readonly writeMsMax: number;
}

const compareAndSet = `
local stored = redis.call('GETRANGE', KEYS[1], 0, 19)
if #stored == 20 and not string.find(stored, '%D') and stored > ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1
`;
const compareAndSetSha = createHash("sha1").update(compareAndSet).digest("hex");
const versionDigits = 20;
const chunkCommandsMax = 200;
/** A pipeline has the time of one command: this much passes in it over a slow network. */
const chunkBytesMax = 4_194_304;
const keysPerReadMax = 500;

/** Never throws for what Redis does; rows after the first failure are skipped. */
export async function writeVersioned(
  connection: RedisConnection,
  rows: readonly VersionedRow[],
  { ttlMs, writeMsMax }: WriteLimits,
): Promise<ProjectionOutcome> {
  const outcome = { written: 0, stale: 0, oversize: 0, failed: 0, skipped: rows.length };
  const chunks = splitRows(rows.map(prepareRow));
  const deadline = performance.now() + writeMsMax;
  for (const chunk of chunks) {
    if (performance.now() > deadline) {
      const reason = `Redis is slow: ${outcome.skipped} rows were left when writeMsMax ${writeMsMax} was over`;
      return { ...outcome, error: new PipelineError("PROJECTION_UNAVAILABLE", reason) };
    }
    const tried = !connection.isPaused();
    try {
      const replies = await compareAndSetAll(connection, chunk, ttlMs);
      outcome.skipped -= chunk.length;
      const refusal = countReplies(outcome, chunk, replies);
      if (refusal !== undefined) return { ...outcome, error: PipelineError.from(refusal, "PROJECTION_UNAVAILABLE") };
    } catch (error) {
      if (tried) {
        outcome.failed += chunk.length;
        outcome.skipped -= chunk.length;
      }
      return { ...outcome, error: PipelineError.from(error, "PROJECTION_UNAVAILABLE") };
    }
  }
  return outcome;
}

/** In the order of `keys`; undefined for what is missing or unreadable, and for all when Redis is away. */
export async function readVersioned(
  connection: RedisConnection,
  keys: readonly string[],
): Promise<({ version: bigint; body: string } | undefined)[]> {
  const commands: RedisCommand[] = [];
  for (let i = 0; i < keys.length; i += keysPerReadMax) commands.push(["mget", ...keys.slice(i, i + keysPerReadMax)]);
  try {
    const replies = await connection.run(commands);
    return replies.flatMap((reply) => (Array.isArray(reply) ? reply.map(parseVersioned) : []));
  } catch {
    // The connection has reported it. A miss sends the reader to ClickHouse, which has the answer.
    return [];
  }
}

export function formatVersion(version: bigint): string {
  assertVersion(version);
  return version.toString().padStart(versionDigits, "0");
}

async function compareAndSetAll(
  connection: RedisConnection,
  rows: readonly PreparedRow[],
  ttlMs: number,
): Promise<RedisReply[]> {
  const commands = rows.map(
    ({ key, version, body }): RedisCommand => ["evalsha", compareAndSetSha, 1, key, version, body, ttlMs],
  );
  const replies = await connection.run(commands);
  if (!replies.some(isScriptMissing)) return replies;
  const [, ...repliesWithScript] = await connection.run([["script", "load", compareAndSet], ...commands]);
  return repliesWithScript;
}

/** @returns the first refusal. */
function countReplies(
  outcome: { written: number; stale: number; oversize: number; failed: number },
  rows: readonly PreparedRow[],
  replies: readonly RedisReply[],
): Error | undefined {
  let refusal: Error | undefined;
  for (const [i, reply] of replies.entries()) {
    if (reply instanceof Error) {
      outcome.failed++;
      refusal ??= reply;
    } else if (reply === 0) outcome.stale++;
    else {
      outcome.written++;
      if (rows[i]?.body === "") outcome.oversize++;
    }
  }
  return refusal;
}

function prepareRow({ key, version, body }: VersionedRow): PreparedRow {
  return { key, version: formatVersion(version), body: Buffer.byteLength(body) <= valueBytesMax ? body : "" };
}

function splitRows(rows: readonly PreparedRow[]): PreparedRow[][] {
  const chunks: PreparedRow[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const chunk = chunks.at(-1);
    bytes += row.body.length;
    if (chunk !== undefined && chunk.length < chunkCommandsMax && bytes <= chunkBytesMax) chunk.push(row);
    else {
      chunks.push([row]);
      bytes = row.body.length;
    }
  }
  return chunks;
}

function isScriptMissing(reply: RedisReply): boolean {
  return reply instanceof Error && refusalCode(reply) === "NOSCRIPT";
}

function parseVersioned(value: unknown): { version: bigint; body: string } | undefined {
  if (typeof value !== "string" || !/^\d{20}/.test(value)) return undefined;
  return { version: BigInt(value.slice(0, versionDigits)), body: value.slice(versionDigits) };
}
