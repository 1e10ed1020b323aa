/** The JSON body of a request, read to its end within a limit. */
import type { Request } from "express";
import type { ZodType } from "zod";
import { invalidBody, type Problem, payloadTooLarge, unsupportedMediaType } from "./problem.ts";

const bodyBytesMax = 65_536;
const problemsShownMax = 10;

export async function readJsonBody(
  request: Request,
  schema: ZodType,
): Promise<{ readonly value: unknown } | { readonly problem: Problem }> {
  if (!/^application\/json\s*(;|$)/i.test(request.get("content-type") ?? "")) {
    return { problem: unsupportedMediaType("application/json") };
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return { problem: payloadTooLarge(bodyBytesMax) };
    chunks.push(chunk);
  }
  let json: unknown;
  try {
    json = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    // Only a SyntaxError is possible here, and its text repeats what was sent.
    return { problem: invalidBody(["The body is not JSON."]) };
  }
  const result = schema.safeParse(json);
  if (result.success) return { value: result.data };
  const problems = result.error.issues.slice(0, problemsShownMax).map(({ path, message }) => {
    return path.length === 0 ? message : `${path.join(".")}: ${message}`;
  });
  return { problem: invalidBody(problems) };
}
