import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCursorCodec } from "./cursor.ts";

const codec = createCursorCodec(randomBytes(32));

describe("cursor", () => {
  it("comes back for its own request only", () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string(), { maxLength: 4 }), fc.string(), (request, key, other) => {
        const text = codec.encode(request, key);
        expect(codec.decode(request, text)).toEqual(key);
        if (other !== request) expect(codec.decode(other, text)).toBeUndefined();
      }),
    );
  });

  it("is refused when a single character differs, or another secret made it", () => {
    const text = codec.encode("r", ["1777885260950000000", "ev_1"]);
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (let index = 0; index < text.length; index += 1) {
      for (const letter of ["A", "Q", letters[(letters.indexOf(text.charAt(index)) + 1) % 64] ?? "B"]) {
        const altered = text.slice(0, index) + letter + text.slice(index + 1);
        if (altered !== text) expect(codec.decode("r", altered), `${index} ${letter}`).toBeUndefined();
      }
    }
    expect(createCursorCodec(randomBytes(32)).decode("r", text)).toBeUndefined();
  });

  it("survives any text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 3000 }), (text) => {
        expect(codec.decode("r", text)).toBeUndefined();
      }),
    );
  });
});
