/** Holds reads to the time, memory and result size of the configuration: a client may ask for less, never for more. */
import type { ChdbServerConfig } from "./config.ts";
import { exception } from "./exception.ts";

/**
 * @param asked       settings of the request; what exceeds the limit is lowered to it, 0 ("no limit") too.
 * @param inStatement settings in the SQL itself, which cannot be lowered from outside.
 * @throws SETTING_CONSTRAINT_VIOLATION when the SQL asks for more than is allowed.
 */
export function limitRead(
  asked: ReadonlyMap<string, string>,
  inStatement: ReadonlyMap<string, string>,
  config: ChdbServerConfig,
): Map<string, string> {
  const limited = new Map(asked);
  const maxima = { max_execution_time: config.readSecondsMax, max_memory_usage: config.readMemoryBytesMax };
  for (const [name, most] of Object.entries(maxima)) {
    const literal = inStatement.get(name);
    if (literal !== undefined && !isWithin(literal, most)) {
      throw exception("SETTING_CONSTRAINT_VIOLATION", `Setting ${name} shouldn't be greater than ${most}`);
    }
    const value = asked.get(name);
    limited.set(name, value !== undefined && isWithin(value, most) ? value : String(most));
  }
  return limited;
}

/**
 * The settings for a result that is held in memory. A client with a limit of its own wants an error at that limit, so there it is final; otherwise
 * the engine's error at ours means that the result has to go through a file (`canSpool`).
 */
export function limitResult(
  asked: ReadonlyMap<string, string>,
  inStatement: ReadonlyMap<string, string>,
  config: ChdbServerConfig,
): { settings: Map<string, string>; canSpool: boolean } {
  if (inStatement.has("result_overflow_mode") || asked.has("result_overflow_mode")) {
    throw exception("SETTING_CONSTRAINT_VIOLATION", "Setting result_overflow_mode shouldn't be changed; use LIMIT");
  }
  const canSpool = !limitNames.some((name) => asked.has(name) || inStatement.has(name));
  if (canSpool) {
    const ours = [
      ["max_result_rows", String(config.bufferedResultRowsMax)],
      ["max_result_bytes", String(config.bufferedResultBytesMax)],
    ] as const;
    return { settings: new Map([...asked, ...ours]), canSpool };
  }
  const most = config.limitedResultBytesMax;
  const bytes = inStatement.get("max_result_bytes") ?? asked.get("max_result_bytes");
  const settings = new Map([
    ...asked,
    ["max_result_bytes", bytes !== undefined && isWithin(bytes, most) ? bytes : String(most)],
  ]);
  return { settings, canSpool };
}

const limitNames = ["max_result_rows", "max_result_bytes"] as const;

function isWithin(text: string, most: number): boolean {
  const value = Number(text);
  return value > 0 && value <= most;
}
