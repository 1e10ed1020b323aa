import type { AttributeValue } from "@nonet/proto/otlp-span.ts";
import { expect, test } from "vitest";
import { keyList } from "./key-list.ts";
import { defaultLimits } from "./limits.ts";
import { mapSpan } from "./map-span.ts";
import { modelCallSources } from "./read-model-call.ts";
import { tokenSources } from "./read-tokens.ts";
import { toolSources } from "./read-tool.ts";
import { familyOf, readSpanFacts, scanFamilies } from "./span-facts.ts";
import { SpanReader } from "./span-reader.ts";
import { buildSpan } from "./testdata/build-span.ts";

test("a key that is there is never taken for one that cannot be", () => {
  const lists = [modelCallSources, tokenSources, toolSources].flatMap((sources) => Object.values(sources));
  for (const key of new Set(lists.flat())) {
    const span = buildSpan({ [key]: "7" });
    const reader = new SpanReader(span, defaultLimits);
    const { families, textChars } = scanFamilies(span);
    readSpanFacts(reader, families, textChars);
    expect(reader.firstText(keyList(["absent", "absent.too", key])), key).toBe("7");
  }
});

test("every key is of some family", () => {
  for (const key of ["", ".", "x", "session.id", "gen_ai.usage.input_tokens", "constructor"])
    expect(familyOf(key)).not.toBe(0);
});

/** Attributes asked for while a span is mapped: what the mapping costs besides the content, whatever the machine. */
function lookupsOf(attributes: Record<string, AttributeValue>): number {
  let count = 0;
  class CountedMap extends Map<string, AttributeValue> {
    override get(key: string): AttributeValue | undefined {
      count++;
      return super.get(key);
    }
    override has(key: string): boolean {
      count++;
      return super.has(key);
    }
  }
  mapSpan({ ...buildSpan({}), attributes: new CountedMap(Object.entries(attributes)) });
  return count;
}

test("a span is asked for few attributes that it does not have", () => {
  const session = { "session.id": "s", "user.id": "u" };
  const plain = lookupsOf({ ...session, "http.request.method": "GET", "url.full": "https://x", "server.port": 443 });
  const call = lookupsOf({
    ...session,
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 1,
    "gen_ai.usage.output_tokens": 1,
    "gen_ai.input.messages": '[{"role":"user","content":"q"}]',
    "gen_ai.output.messages": '[{"role":"assistant","content":"a"}]',
  });
  expect(plain).toBeLessThanOrEqual(10);
  expect(call).toBeLessThanOrEqual(110);
});
