import { isPipelineError, PipelineError } from "../errors.ts";

/** SQLSTATE classes that say our statement or its data is wrong, which no retry cures: the rest is the server's state. */
const defectClasses = new Set(["21", "22", "23", "2B", "42"]);
/** SQLite primary result codes of the same kind: ERROR, CONSTRAINT, MISMATCH, MISUSE, RANGE. */
const defectCodes = new Set([1, 19, 20, 21, 25]);

/**
 * Names what a control database threw: `INTERNAL` for a defect of ours, else `CONTROL_UNAVAILABLE` (down, full, read-only, refusing the
 * password, too slow), which is retryable. Codes decide, never texts. A PipelineError passes unchanged.
 */
export function controlError(caught: unknown): PipelineError {
  if (isPipelineError(caught)) return caught;
  if (isDefect(caught)) return PipelineError.from(caught, "INTERNAL");
  return new PipelineError("CONTROL_UNAVAILABLE", `control database: ${reasonOf(caught)}`, { cause: caught });
}

/** Node refuses `localhost`, which is two addresses, with a code and without a message. */
function reasonOf(caught: unknown): string {
  if (!(caught instanceof Error)) return String(caught);
  return caught.message || ("code" in caught ? String(caught.code) : caught.name);
}

function isDefect(caught: unknown): boolean {
  if (caught instanceof TypeError || caught instanceof RangeError) return true;
  if (!(caught instanceof Error)) return false;
  if ("errcode" in caught && typeof caught.errcode === "number") return defectCodes.has(caught.errcode & 0xff);
  // Connection errors have codes such as ECONNREFUSED, whose first two characters are no class of SQLSTATE.
  return "code" in caught && typeof caught.code === "string" && defectClasses.has(caught.code.slice(0, 2));
}
