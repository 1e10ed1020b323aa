import type { Enum, Field, Type } from "protobufjs";
import { describe, expect, it } from "vitest";
import { type MessageSchema, otlpSchema } from "./otlp-schema.ts";
import { requestType } from "./testdata/otlp-messages.ts";

/** What the .proto files say of a message and all below it, in the form of our table. */
function describeProto(type: Type, seen = new Set<Type>()): Record<string, string[]> {
  if (seen.has(type)) return {};
  seen.add(type);
  const rows = type.fieldsArray.map((field: Field) => {
    const resolved = field.resolve().resolvedType;
    const kind = resolved === null ? field.type : "fieldsArray" in resolved ? resolved.name : enumOf(resolved);
    return `${field.id}:${field.name}:${kind}${field.repeated ? "[]" : ""}`;
  });
  const below = type.fieldsArray.map((field) => {
    const resolved = field.resolvedType;
    return resolved !== null && "fieldsArray" in resolved ? describeProto(resolved, seen) : {};
  });
  return Object.assign({ [type.name]: rows.sort() }, ...below);
}

function enumOf(_: Enum): string {
  return "enum";
}

function describeSchema(schema: MessageSchema, seen = new Set<MessageSchema>()): Record<string, string[]> {
  if (seen.has(schema)) return {};
  seen.add(schema);
  const fields = schema.fields.filter((field) => field !== undefined);
  const rows = fields.map((field) => {
    const kind = field.message?.name ?? (field.kind === "id" ? "bytes" : field.kind);
    return `${field.number}:${field.name}:${kind}${field.repeated ? "[]" : ""}`;
  });
  const below = fields.map((field) => (field.message === undefined ? {} : describeSchema(field.message, seen)));
  return Object.assign({ [schema.name]: rows.sort() }, ...below);
}

describe("otlpSchema", () => {
  it("says what the .proto files of the release say (66)", () => {
    expect(describeSchema(otlpSchema.exportRequest)).toEqual(describeProto(requestType));
  });
});
