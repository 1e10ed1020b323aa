/** The OpenAPI document as a page for people. Everything in it is escaped; the document is ours, its words need not be markup-free. */
import type { OpenapiDocument } from "./document.ts";

interface AnySchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, AnySchema>>;
  readonly required?: readonly string[];
  readonly items?: AnySchema;
  readonly anyOf?: readonly AnySchema[];
  readonly oneOf?: readonly AnySchema[];
  readonly additionalProperties?: AnySchema | boolean;
}

interface AnyParameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: AnySchema;
}

interface AnyOperation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly AnyParameter[];
  readonly responses: Readonly<
    Record<string, { description?: string; content?: Record<string, { schema?: AnySchema }> }>
  >;
}

export function renderReference(document: OpenapiDocument): string {
  // `as`: a narrower view of the same document, for reading.
  const paths = Object.entries(document.paths ?? {}) as unknown as [string, Record<string, AnyOperation>][];
  const schemas = Object.entries(document.components?.schemas ?? {}) as unknown as [string, AnySchema][];
  const operations = paths.flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(document.info.title)} API</title>
<style>${style}</style>
</head>
<body>
<header><h1>${escapeHtml(document.info.title)} API</h1>
<p>${escapeHtml(document.info.description ?? "")} The same as a document: <a href="/openapi.json">/openapi.json</a>.</p>
<p>Every request needs <code>Authorization: Bearer &lt;key&gt;</code>.</p></header>
<nav><h2>Operations</h2><ul>
${operations.map(({ path, operation }) => `<li><a href="#${escapeHtml(operation.operationId ?? path)}"><code>${escapeHtml(path)}</code></a> ${escapeHtml(operation.summary ?? "")}</li>`).join("\n")}
</ul></nav>
<main>
${operations.map(({ path, method, operation }) => renderOperation(path, method, operation)).join("\n")}
<h2>Schemas</h2>
${schemas.map(([name, schema]) => `<section id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${renderSchema(schema)}</section>`).join("\n")}
</main>
</body>
</html>
`;
}

function renderOperation(path: string, method: string, operation: AnyOperation): string {
  const rows = (operation.parameters ?? []).map(
    (parameter) =>
      `<tr><td><code>${escapeHtml(parameter.name)}</code></td><td>${escapeHtml(parameter.in)}</td><td>${typeOf(parameter.schema)}</td><td>${escapeHtml(parameter.description ?? "")}</td></tr>`,
  );
  const answers = Object.entries(operation.responses).map(([status, response]) => {
    const bodies = Object.entries(response.content ?? {}).map(
      ([mediaType, { schema }]) => `<code>${escapeHtml(mediaType)}</code> ${typeOf(schema)}`,
    );
    return `<tr><td>${escapeHtml(status)}</td><td>${escapeHtml(response.description ?? "")}</td><td>${bodies.join("<br>")}</td></tr>`;
  });
  return `<section id="${escapeHtml(operation.operationId ?? path)}">
<h2>${escapeHtml(operation.summary ?? "")}</h2>
<p class="path"><b>${escapeHtml(method.toUpperCase())}</b> <code>${escapeHtml(path)}</code></p>
<p>${escapeHtml(operation.description ?? "")}</p>
<table><thead><tr><th>parameter</th><th>in</th><th>type</th><th>meaning</th></tr></thead><tbody>${rows.join("\n")}</tbody></table>
<table><thead><tr><th>status</th><th>meaning</th><th>body</th></tr></thead><tbody>${answers.join("\n")}</tbody></table>
</section>`;
}

function renderSchema(schema: AnySchema): string {
  if (schema.properties === undefined) return `<p>${typeOf(schema)}</p>`;
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties).map(
    ([name, member]) =>
      `<tr><td><code>${escapeHtml(name)}</code>${required.has(name) ? "" : " (optional)"}</td><td>${typeOf(member)}</td><td>${escapeHtml(member.description ?? "")}</td></tr>`,
  );
  return `<table><tbody>${rows.join("\n")}</tbody></table>`;
}

function typeOf(schema: AnySchema | undefined): string {
  if (schema === undefined) return "any";
  if (schema.$ref !== undefined) {
    const name = escapeHtml(schema.$ref.split("/").at(-1) ?? "");
    return `<a href="#schema-${name}">${name}</a>`;
  }
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return variants.map(typeOf).join(" | ");
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `<code>${escapeHtml(JSON.stringify(value))}</code>`).join(" | ");
  if (schema.const !== undefined) return `<code>${escapeHtml(JSON.stringify(schema.const))}</code>`;
  if (schema.properties !== undefined) {
    const members = Object.entries(schema.properties).map(([name, member]) => `${escapeHtml(name)}: ${typeOf(member)}`);
    return `{ ${members.join(", ")} }`;
  }
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.type === undefined) return "any";
  return escapeHtml(typeof schema.type === "string" ? schema.type : schema.type.join(" | "));
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #8884; }
section { border-top: 2px solid #8886; margin-top: 2rem; }
code { font-size: 0.9em; overflow-wrap: anywhere; }
`;
