import { describe, expect, it } from "vitest";
import { createContentWriter, toPreview } from "./content.ts";
import { toTraceEvent } from "./event-shape.ts";
import { buildSession, says, userSays } from "./testdata/turn-builder.ts";

describe("content", () => {
  it("is cut to 1,024 code points, the last of them the sign of it", () => {
    expect(toPreview("x".repeat(1024))).toBe("x".repeat(1024));
    expect(toPreview("x".repeat(1025))).toBe(`${"x".repeat(1023)}…`);
    expect([...toPreview("😀".repeat(5000))]).toHaveLength(1024);
    expect(toPreview("😀".repeat(1024))).toBe("😀".repeat(1024));
  });

  it("is cut inside values, keys and shapes staying as they are", () => {
    const writer = createContentWriter("preview");
    const key = "k".repeat(2000);
    const value = writer.json({ [key]: ["y".repeat(2000), 5, null, { __proto__: null }] });
    expect(JSON.stringify(value)).toContain(key);
    expect(writer.wasCut()).toBe(true);
    expect(createContentWriter("none").json({ a: 1 })).toBeNull();
  });

  it("is marked where it was cut or withheld", () => {
    const long = "z".repeat(3000);
    const view = buildSession()
      .turn(0, 100)
      .call({ at: 1, ms: 1, messages: [userSays(long)], answer: says("short") })
      .view();
    const [call] = view.events;
    if (call === undefined) throw new Error("no call");
    const shape = { attributes: false, mayReadContent: true } as const;
    const full = toTraceEvent(view, call, { ...shape, content: "full" });
    const preview = toTraceEvent(view, call, { ...shape, content: "preview" });
    const none = toTraceEvent(view, call, { ...shape, content: "none" });
    expect(JSON.stringify(full)).toContain(long);
    expect(full).not.toHaveProperty("contentTruncated");
    expect(preview.contentTruncated).toBe(true);
    expect(JSON.stringify(preview).length).toBeLessThan(3000);
    expect(none).toMatchObject({ contentWithheld: true, data: { content: null, prompt: { charCount: 3000 } } });
    // Without the scope nothing is given, whatever was asked for.
    const withheld = toTraceEvent(view, call, { content: "full", attributes: true, mayReadContent: false });
    expect(withheld).toMatchObject({ contentWithheld: true, resource: {} });
    expect(withheld).not.toHaveProperty("attributes");
    expect(withheld).not.toHaveProperty("metadata");
  });
});
