/** Reads a service's settings from the environment: all problems are reported together, before a port opens. */
import type { z } from "zod";
import { PipelineError } from "./errors.ts";

/**
 * @param environment an empty value counts as absent.
 * @param warn is told of `NONET_` names this service does not know: misspelt, or meant for another service that shares the environment.
 * @throws PipelineError `CONFIG_INVALID` naming every setting that is wrong.
 */
export function parseConfig<T extends z.ZodObject>(
  schema: T,
  environment: Readonly<Record<string, string | undefined>>,
  warn: (message: string) => void = console.error,
): z.infer<T> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const result = schema.safeParse(given);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new PipelineError(
      "CONFIG_INVALID",
      `${problems.length} problem(s) with the configuration:\n  ${problems.join("\n  ")}`,
    );
  }
  for (const name of Object.keys(given)) {
    if (name.startsWith("NONET_") && !(name in schema.shape)) warn(`${name} is not a setting of this service`);
  }
  return result.data;
}
