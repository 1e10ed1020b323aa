/** `/openapi.json` and `/docs`, open to everyone. The page is plain HTML made here, so that it works offline and needs no script. */
import { type Response, Router } from "express";
import type { OpenapiDocument } from "./document.ts";
import { renderReference } from "./reference-page.ts";

export function createReferenceRouter(document: OpenapiDocument): Router {
  const router = Router({ caseSensitive: true });
  const text = JSON.stringify(document);
  const page = renderReference(document);
  router.get("/openapi.json", (_request, response) => {
    send(response, "application/json; charset=utf-8", text);
  });
  router.get("/docs", (_request, response) => {
    response.set(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    );
    send(response, "text/html; charset=utf-8", page);
  });
  return router;
}

function send(response: Response, contentType: string, body: string): void {
  response.setHeader("Content-Type", contentType);
  response.setHeader("Cache-Control", "no-cache");
  response.setHeader("Content-Length", Buffer.byteLength(body));
  response.end(body);
}
