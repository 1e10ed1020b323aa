/** What a handler gives back, and how it goes out: entity tags, conditional requests, `Link`, problems. Source: session-traces.md 2.3, 2.6, 2.7. */
import { createHash } from "node:crypto";
import type { Request, Response } from "express";
import { type ContentEncoding, contentEncodingOf, encodeBody, encodeBytesMin } from "./content-encoding.ts";
import { type Problem, problemBody, statusOf } from "./problem.ts";

/** The same request with other parameters; null leaves one out. */
export interface PageLink {
  readonly rel: "first" | "prev" | "next";
  readonly parameters: Readonly<Record<string, string | null>>;
}

export type Answer =
  | { readonly kind: "json"; readonly text: string; readonly links: readonly PageLink[]; readonly tagSalt: string }
  /** What a `PUT` made: 200, never from a cache. */
  | { readonly kind: "changed"; readonly text: string }
  /** Work that will be done: 202. */
  | { readonly kind: "accepted"; readonly text: string }
  | { readonly kind: "problem"; readonly problem: Problem }
  | {
      readonly kind: "stream";
      readonly headers: Readonly<Record<string, string>>;
      /** Written with a stream body, which encodes as `Content-Encoding` says. */
      readonly encodes?: true;
      /** Writes the body and ends the response, or throws. */
      write(response: Response): Promise<void>;
    };

export interface JsonAnswerOptions {
  /** Makes two answers with one body different, for the tag. */
  readonly mayReadContent: boolean;
  /** Links to the next page, where that is all there is to say. */
  readonly nextCursor?: string | null;
  readonly links?: readonly PageLink[];
}

export function jsonAnswer(text: string, { mayReadContent, nextCursor, links }: JsonAnswerOptions): Answer {
  const next: PageLink[] = typeof nextCursor === "string" ? [{ rel: "next", parameters: { cursor: nextCursor } }] : [];
  return { kind: "json", text, links: links ?? next, tagSalt: mayReadContent ? "c" : "n" };
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
      await sendJson(answer, request, response);
      return;
    case "changed":
    case "accepted":
      response.status(answer.kind === "changed" ? 200 : 202).set("Cache-Control", "no-store");
      endWith(response, "application/json; charset=utf-8", answer.text);
      return;
    case "problem":
      sendProblem(answer.problem, response, requestId);
      return;
    case "stream":
      response.set(answer.headers);
      response.set("Cache-Control", "no-store");
      if (answer.encodes === true) setEncoding(response, contentEncodingOf(request.get("accept-encoding")));
      if (request.method === "HEAD") {
        // Announced trailers need a body in chunks; Node refuses the header without one.
        response.removeHeader("Trailer");
        response.end();
        return;
      }
      await answer.write(response);
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

async function sendJson(answer: Answer & { kind: "json" }, request: Request, response: Response): Promise<void> {
  const tag = `W/"${createHash("sha256").update(answer.tagSalt).update(answer.text).digest("base64url").slice(0, 22)}"`;
  response.set("ETag", tag);
  response.set("Cache-Control", "private, no-cache");
  response.set("Vary", "Authorization, Accept, Accept-Encoding");
  if (answer.links.length > 0) response.set("Link", answer.links.map((link) => linkText(request, link)).join(", "));
  // The tag is weak, so it names the body in every encoding.
  if (matches(request.get("if-none-match"), tag)) {
    response.status(304).end();
    return;
  }
  await sendText(request, response, "application/json; charset=utf-8", answer.text);
}

/** A text that is at hand, as the client wants it encoded. */
export async function sendText(request: Request, response: Response, contentType: string, text: string): Promise<void> {
  const body = Buffer.from(text);
  const encoding = body.length < encodeBytesMin ? "identity" : contentEncodingOf(request.get("accept-encoding"));
  const encoded = await encodeBody(body, encoding);
  setEncoding(response, encoding);
  endWith(response, contentType, encoded);
}

function setEncoding(response: Response, encoding: ContentEncoding): void {
  response.vary("Accept-Encoding");
  if (encoding !== "identity") response.setHeader("Content-Encoding", encoding);
}

/** Written by hand: Express would add a tag of its own, and `HEAD` must tell the length of the body it leaves out. */
function endWith(response: Response, contentType: string, body: string | Buffer): void {
  response.setHeader("Content-Type", contentType);
  response.setHeader("Content-Length", Buffer.byteLength(body));
  if (response.req.method === "HEAD") response.end();
  else response.end(body);
}

function linkText(request: Request, link: PageLink): string {
  const [path = "", queryText = ""] = request.originalUrl.split("?", 2);
  const query = new URLSearchParams(queryText);
  for (const [name, value] of Object.entries(link.parameters)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  return `<${query.size === 0 ? path : `${path}?${query}`}>; rel="${link.rel}"`;
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
