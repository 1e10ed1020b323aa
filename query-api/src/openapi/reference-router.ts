/** `/openapi.json` and `/docs`, open to everyone. The page is plain HTML made here, so that it works offline and needs no script. */
import { type Response, Router } from "express";
import type { OpenapiDocument } from "./document.ts";
import { renderReference } from "./reference-page.ts";

/** @param build makes the document when it is first asked for, so that no start waits for it. */
export function createReferenceRouter(build: () => OpenapiDocument): Router {
  const router = Router({ caseSensitive: true });
  let made: { readonly text: string; readonly page: string } | undefined;
  const reference = () => {
    if (made === undefined) {
      const document = build();
      made = { text: JSON.stringify(document), page: renderReference(document) };
    }
    return made;
  };
  router.get("/openapi.json", (_request, response) => {
    send(response, "application/json; charset=utf-8", reference().text);
  });
  router.get("/docs", (_request, response) => {
    response.set(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    );
    send(response, "text/html; charset=utf-8", reference().page);
  });
  return router;
}

function send(response: Response, contentType: string, body: string): void {
  response.setHeader("Content-Type", contentType);
  response.setHeader("Cache-Control", "no-cache");
  response.setHeader("Content-Length", Buffer.byteLength(body));
  response.end(body);
}
