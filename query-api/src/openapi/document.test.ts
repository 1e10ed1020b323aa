import { expect, it } from "vitest";
import { z } from "zod";
import { operation } from "../http/operation.ts";
import { integerText, list, single } from "../http/parameters.ts";
import { buildOpenapiDocument } from "./document.ts";
import { renderReference } from "./reference-page.ts";

const example = operation({
  operationId: "listThings",
  path: "/:thingId/parts",
  summary: "Things <b>",
  description: "All of them.",
  pathParameters: {},
  parameters: {
    limit: single(integerText(1, 10), { description: "How many." }),
    kind: list(z.enum(["a", "b"]), { description: "Which." }),
  },
  scopeOf: () => "traces:read",
  conflicts: () => [],
  mediaTypes: () => ["application/json"],
  responses: { "application/json": z.strictObject({ data: z.array(z.string()) }).meta({ id: "Things" }) },
  problemStatuses: [400],
  handle: () => Promise.reject(new Error("not called")),
});
const document = buildOpenapiDocument([{ basePath: "/api/:projectId", operations: [example] }]);

it("describes parameters by the schemas that check them", () => {
  const parameters = document.paths?.["/api/{projectId}/{thingId}/parts"]?.get?.parameters;
  expect(parameters).toMatchObject([
    { in: "path", name: "projectId", required: true },
    { in: "path", name: "thingId", required: true },
    { in: "query", name: "limit", required: false, schema: { type: "integer", minimum: 1, maximum: 10 } },
    { in: "query", name: "kind", explode: false, schema: { type: "array", items: { enum: ["a", "b"] } } },
  ]);
});

it("refers to nothing that is not there", () => {
  const text = JSON.stringify(document);
  const names = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map((match) => match[1] ?? "");
  expect(names).toContain("Things");
  for (const name of names) expect(document.components?.schemas).toHaveProperty(name);
});

it("is escaped on the page", () => {
  const page = renderReference(document);
  expect(page).toContain("Things &lt;b&gt;");
  expect(page).not.toContain("Things <b>");
  expect(page).not.toContain("<script");
});
