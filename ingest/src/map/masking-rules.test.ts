import type { MaskingRule } from "@nonet/proto/control/project-settings.ts";
import fc from "fast-check";
import { RE2JS, RE2Set } from "re2js";
import { describe, expect, it } from "vitest";
import { type CompiledMaskingRules, compileMaskingRules } from "./masking-rules.ts";

const email = "[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}";

function rule(pattern: string | undefined, more: Partial<MaskingRule> = {}): MaskingRule {
  return { name: "rule", pattern, replacement: "[masked]", ...more };
}

function compiled(...rules: MaskingRule[]): CompiledMaskingRules {
  const result = compileMaskingRules(rules);
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result;
}

function mask(rules: readonly MaskingRule[], text: string, key = "input.value"): string {
  return compiled(...rules)
    .open({ masked: 0, unsearched: 0 })
    .maskText(key, text, key);
}

describe("masking rules", () => {
  it.each([
    ["plain text", "write to ann@example.com now", "write to [masked] now"],
    ["no match", "write to nobody", "write to nobody"],
    ["several", "a@b.co, c@d.org", "[masked], [masked]"],
    ["JSON", '{"to": "ann@example.com",  "n": 1.50}', '{"to": "[masked]",  "n": 1.50}'],
    ["JSON escapes", '{"to":"ann\\u0040example.com"}', '{"to":"[masked]"}'],
    [
      "JSON in JSON",
      JSON.stringify({ a: JSON.stringify({ to: "a\n@ ann@x.io" }) }),
      JSON.stringify({ a: JSON.stringify({ to: "a\n@ [masked]" }) }),
    ],
    ["a key", '{"ann@example.com":1}', '{"[masked]":1}'],
    ["JSON that is cut", '{"to":"ann@example.com","bcc":"bob@exam', '{"to":"[masked]","bcc":"bob@exam'],
    ["what Python prints", "{'to': 'ann@example.com'}", "{'to': '[masked]'}"],
  ])("replaces in %s", (_, text, expected) => {
    expect(mask([rule(email)], text)).toBe(expected);
  });

  it("keeps JSON readable where a number matches", () => {
    expect(mask([rule("\\d{16}")], '{"card":4111111111111111,"n":1}')).toBe('{"card":"[masked]","n":1}');
    expect(mask([rule("\\d{4}", { replacement: "9999" })], '{"pin":1234}')).toBe('{"pin":9999}');
  });

  it("finds anchored patterns inside JSON", () => {
    expect(mask([rule("^sk-[a-z]+$")], '{"a":"sk-abc","b":"x sk-abc"}')).toBe('{"a":"[masked]","b":"x sk-abc"}');
  });

  it("writes groups of the match", () => {
    expect(mask([rule("\\d{12}(\\d{4})", { replacement: "************$1" })], "card 4111111111111234.")).toBe(
      "card ************1234.",
    );
  });

  it("applies the rules in their order", () => {
    const rules = [rule("b+", { replacement: "c" }), rule("c+", { replacement: "d" })];
    expect(mask(rules, "abbcb c")).toBe("ad d");
  });

  it("looks only at the attributes that a rule names", () => {
    const rules = [rule("\\d+", { attributes: ["user.*", "*.phone"] }), rule(email)];
    const { maskText, maskName } = compiled(...rules).open({ masked: 0, unsearched: 0 });
    expect(maskText("user.id", "42 a@b.co", "user.id")).toBe("[masked] [masked]");
    expect(maskText("id", "42", "user.profile")).toBe("[masked]");
    expect(maskText("home.phone", "42", "contact")).toBe("[masked]");
    expect(maskText("input.value", "42 a@b.co", "input.value")).toBe("42 [masked]");
    expect(maskName("call 42 for a@b.co")).toBe("call 42 for [masked]");
  });

  it("masks whole attributes without a pattern", () => {
    const rules = compiled(rule(undefined, { attributes: ["user.email"] }));
    const { isSecretKey } = rules.open({ masked: 0, unsearched: 0 });
    const key = Buffer.from("xuser.emailx");
    expect(isSecretKey(key, 1, 11)).toBe(true);
    expect(isSecretKey(key, 0, 11)).toBe(false);
    expect(rules.isMaskedAttribute("user.email")).toBe(true);
  });

  it("keeps the length of text it does not know", () => {
    expect(compiled(rule(email)).blank("\0ann@example.com\0")).toBe(`\0${"*".repeat(15)}\0`);
  });

  it.each([
    ["look-ahead", "(?=a)b", "maskingRules.0 (rule): error parsing regexp: invalid or unsupported Perl syntax: `(?=`."],
    ["back reference", "(a)\\1", "maskingRules.0 (rule): error parsing regexp: invalid escape sequence: `\\1`."],
    ["open group", "(a", "maskingRules.0 (rule): error parsing regexp: missing closing ): `(a`."],
    ["empty match", "a*", "maskingRules.0 (rule): the pattern matches the empty text."],
    ["large repeat", "a{1001}", "maskingRules.0 (rule): error parsing regexp: invalid repeat count: `{1001}`."],
    ["large program", "[a-z]{900}", "maskingRules.0 (rule): the pattern takes 902 instructions, 300 are allowed."],
  ])("refuses %s", (_, pattern, problem) => {
    expect(compileMaskingRules([rule(pattern)])).toEqual({ problems: [problem] });
  });

  it("refuses rules that are too much together, or say nothing", () => {
    const many = Array.from({ length: 10 }, () => rule("a{200}"));
    expect(compileMaskingRules(many)).toMatchObject({ problems: [expect.stringContaining("instructions together")] });
    expect(compileMaskingRules([rule(undefined)])).toMatchObject({ problems: [expect.stringContaining("neither")] });
  });

  it("finds what the single patterns find", () => {
    const patterns = ["a+b", "^a", "b$", "(?i)AB", "\\bc", "a[^b]c"];
    const set = new RE2Set();
    for (const pattern of patterns) set.add(pattern);
    set.compile();
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "b", "c", " ", "A"), maxLength: 12 }), (text) => {
        const each = patterns.flatMap((pattern, index) => (RE2JS.compile(pattern).test(text) ? [index] : []));
        expect(set.match(text).sort()).toEqual(each);
      }),
    );
  });

  it("leaves no match behind in a long text, wherever its pieces end", () => {
    const spaced = "\\d{4} \\d{4} \\d{4}";
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 1, maxLength: 5 }), (gaps) => {
        const text = gaps.map((gap) => `${"word ".repeat(gap / 5)}1234 5678 9012 a@b.co`).join(" ");
        const masked = mask([rule(spaced), rule(email)], text);
        expect(masked).toBe(text.replaceAll("1234 5678 9012", "[masked]").replaceAll("a@b.co", "[masked]"));
      }),
      { numRuns: 30 },
    );
  });

  it("masks whole what it has no steps left to search", () => {
    const counts = { masked: 0, unsearched: 0 };
    const { maskText } = compiled(rule(email)).open(counts);
    const dense = "ann@example.com ".repeat(60_000);
    const first = maskText("a", dense, "a");
    expect(first === "[masked]" || !first.includes("@")).toBe(true);
    for (let spans = 0; spans < 10; spans++) maskText("a", dense, "a");
    expect(maskText("b", "nothing here ".repeat(10_000), "b")).toBe("[masked]");
    expect(counts.unsearched).toBeGreaterThan(0);
  });

  it("survives any text", () => {
    const rules = compiled(rule(email), rule("\\w+secret", { attributes: ["*"] }));
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const { maskText } = rules.open({ masked: 0, unsearched: 0 });
        const masked = maskText("k", text, "k");
        expect(maskText("k", masked, "k")).toBe(masked);
        expect(typeof maskText("k", `{"a":${text}`, "k")).toBe("string");
      }),
      { numRuns: 30 },
    );
  });

  it("takes time in proportion to a hostile text", () => {
    const rules = compiled(rule("(a|b)*a(a|b){20}c"), rule("(\\w+\\s*){1,20}z"), rule(email));
    const texts = ['"\\"'.repeat(100_000), "ab".repeat(200_000), `{"a":${"[".repeat(300_000)}`, "a@".repeat(200_000)];
    for (const text of texts) {
      const startMs = performance.now();
      rules.open({ masked: 0, unsearched: 0 }).maskText("k", text, "k");
      expect(performance.now() - startMs).toBeLessThan(5_000);
    }
  });
});
