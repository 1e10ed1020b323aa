/** `/openapi.json` and `/docs`, open to everyone. The page is plain HTML made here, so that it works offline and needs no script. */
import { Router } from "express";
import { sendText } from "../http/answer.ts";
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
  router.get("/openapi.json", async (request, response) => {
    response.set("Cache-Control", "no-cache");
    await sendText(request, response, "application/json; charset=utf-8", reference().text);
  });
  router.get("/docs", async (request, response) => {
    response.set(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    );
    response.set("Cache-Control", "no-cache");
    await sendText(request, response, "text/html; charset=utf-8", reference().page);
  });
  return router;
}
