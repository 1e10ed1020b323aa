/** What a handler gives back, and how it goes out: entity tags, conditional requests, `Link`, problems. Source: session-traces.md 2.3, 2.6, 2.7. */
import { createHash } from "node:crypto";
import type { Request, Response } from "express";
import { type Problem, problemBody, statusOf } from "./problem.ts";

export type Answer =
  | { readonly kind: "json"; readonly text: string; readonly nextCursor: string | null; readonly tagSalt: string }
  | { readonly kind: "problem"; readonly problem: Problem }
  | {
      readonly kind: "stream";
      readonly headers: Readonly<Record<string, string>>;
      /** Writes the body and ends the response, or throws. */
      write(response: Response): Promise<void>;
    };

/** @param tagSalt  what else, besides the body, makes two answers different: here whether content was readable. */
export function jsonAnswer(text: string, options: { nextCursor?: string | null; mayReadContent: boolean }): Answer {
  return { kind: "json", text, nextCursor: options.nextCursor ?? null, tagSalt: options.mayReadContent ? "c" : "n" };
}

export function problemAnswer(problem: Problem): Answer {
  return { kind: "problem", problem };
}

export async function sendAnswer(
  answer: Answer,
  request: Request,
  response: Response,
  requestId: string,
): Promise<void> {
  switch (answer.kind) {
    case "json":
      sendJson(answer, request, response);
      return;
    case "problem":
      sendProblem(answer.problem, response, requestId);
      return;
    case "stream":
      response.set(answer.headers);
      response.set("Cache-Control", "no-store");
      if (request.method === "HEAD") response.end();
      else await answer.write(response);
      return;
    default:
      answer satisfies never;
  }
}

export function sendProblem(problem: Problem, response: Response, requestId: string): void {
  const body = JSON.stringify(problemBody(problem, requestId));
  response.status(statusOf(problem.code));
  response.set(problem.headers);
  response.set("Cache-Control", "no-store");
  endWith(response, "application/problem+json; charset=utf-8", body);
}

function sendJson(answer: Answer & { kind: "json" }, request: Request, response: Response): void {
  const tag = `W/"${createHash("sha256").update(answer.tagSalt).update(answer.text).digest("base64url").slice(0, 22)}"`;
  response.set("ETag", tag);
  response.set("Cache-Control", "private, no-cache");
  response.set("Vary", "Authorization, Accept, Accept-Encoding");
  if (answer.nextCursor !== null) response.set("Link", `<${nextTarget(request, answer.nextCursor)}>; rel="next"`);
  if (matches(request.get("if-none-match"), tag)) {
    response.status(304).end();
    return;
  }
  endWith(response, "application/json; charset=utf-8", answer.text);
}

/** Written by hand: Express would add a tag of its own, and `HEAD` must tell the length of the body it leaves out. */
function endWith(response: Response, contentType: string, body: string): void {
  response.setHeader("Content-Type", contentType);
  response.setHeader("Content-Length", Buffer.byteLength(body));
  if (response.req.method === "HEAD") response.end();
  else response.end(body);
}

function nextTarget(request: Request, cursor: string): string {
  const [path = "", queryText = ""] = request.originalUrl.split("?", 2);
  const query = new URLSearchParams(queryText);
  query.set("cursor", cursor);
  return `${path}?${query}`;
}

/** Weak comparison (RFC 9110 13.1.2). */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const opaque = tag.slice(2);
  return header.split(",").some((entry) => {
    const candidate = entry.trim();
    return candidate === "*" || candidate.replace(/^W\//, "") === opaque;
  });
}
