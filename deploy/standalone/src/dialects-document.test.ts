import { expect, test } from "vitest";
import { dialectsDocument } from "./dialects-document.ts";

const text = dialectsDocument();

function sectionOf(name: string): string {
  const section = text.split("\n## ").find((each) => each.startsWith(`${name}\n`));
  if (section === undefined) throw new Error(`no section ${name}`);
  return section;
}

test("a dialect is described by its versions, rules, attributes, and what no span of it holds", () => {
  const section = sectionOf("mlflow-otlp-rootlost");
  expect(section).toContain("mlflow-tracing 3.17.2");
  expect(section).toMatch(/^\| llm_call \| `[A-Z-]+.*` \(3\) \|$/m);
  expect(section).toMatch(/^\| `inputTokens` \| `.+` \|$/m);
  expect(section).toContain("user-42 is in no attribute of any span or resource (`agent-tools: userIds[0]`)");
});

test("indexes of attributes are folded, so that lists stay short", () => {
  expect(sectionOf("openai-traceloop")).not.toMatch(/^\|.*\.\d+\./m);
});

test("the same code and captures give the same text, and every link of the overview leads to a section", () => {
  expect(dialectsDocument()).toBe(text);
  const headings = new Set([...text.matchAll(/^## (.+)$/gm)].map(([, name = ""]) => name.replace(/[^a-z0-9-]/g, "")));
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link);
  expect(links.length).toBe(headings.size);
  for (const link of links) expect(headings).toContain(link);
});
