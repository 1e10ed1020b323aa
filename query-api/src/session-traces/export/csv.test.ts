import { expect, it } from "vitest";
import { csvField, csvRecord } from "./csv.ts";

it.each([
  ["plain", "plain"],
  ["a,b", '"a,b"'],
  ['he said "hi"', '"he said ""hi"""'],
  ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
  ["-12", `"'-12"`],
  ["", '""'],
  [null, ""],
  [-12, "-12"],
  [0.5, "0.5"],
  [true, "true"],
  ["＝1", `"'＝1"`],
  ["\tx", `"'\tx"`],
  [" x", '" x"'],
  ["x ", '"x "'],
  ["two\nlines", '"two\nlines"'],
  ["nul\u0000", "nul\uFFFD"],
  ["half \ud800", "half \uFFFD"],
  ["😀", "😀"],
])("K41: %j is written %j", (value, field) => {
  expect(csvField(value)).toBe(field);
});

it("ends each record with CRLF", () => {
  expect(csvRecord(["a", null, 1])).toBe("a,,1\r\n");
});
