/**
 * Masks what it can in bytes that could not be decoded, for the quarantine: there is no message to walk, so secrets are looked for by their
 * shape. JSON that parses is masked member by member; in everything else the value behind a secret key is blanked where a KeyValue seems to
 * stand, and replaced where the text looks like a piece of JSON.
 */
import type { CompiledMaskingRules } from "../map/masking-rules.ts";
import { isSecretAttribute, maskedValue } from "../map/sanitise.ts";
import { secretMasking } from "../receive/mask-secrets.ts";

/** @param rules of the project, for all of it: what belongs to which attribute is not known. */
export function maskUnreadable(bytes: Buffer, rules?: CompiledMaskingRules): Buffer {
  const isSecret: IsSecret =
    rules === undefined ? isSecretAttribute : (key) => isSecretAttribute(key) || rules.isMaskedAttribute(key);
  const masked = maskJson(bytes, isSecret) ?? maskText(maskKeyValues(bytes, isSecret), isSecret);
  return rules === undefined ? masked : blank(masked, rules);
}

type IsSecret = (key: string) => boolean;

/** Lengths stay, so that what was readable in part is so still. */
function blank(bytes: Buffer, rules: CompiledMaskingRules): Buffer {
  const text = bytes.toString("utf8");
  // What is no UTF-8 is searched byte by byte.
  const encoding = Buffer.byteLength(text) === bytes.length && !text.includes("\ufffd") ? "utf8" : "latin1";
  const before = encoding === "utf8" ? text : bytes.toString("latin1");
  const after = rules.blank(before);
  return after === before ? bytes : Buffer.from(after, encoding);
}

/** @returns undefined for what is no JSON; the same bytes when there is nothing to mask, so that numbers stay as they were written. */
function maskJson(bytes: Buffer, isSecret: IsSecret): Buffer | undefined {
  let found = false;
  const replace = (value: unknown, by: unknown): unknown => {
    if (value !== by) found = true;
    return by;
  };
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"), (name, each: unknown) => {
      if (name !== "" && isSecret(name)) return replace(each, maskedValue);
      if (typeof each === "string") return replace(each, maskJsonText(each, isSecret));
      if (isKeyValue(each) && isSecret(each.key))
        return replace(each, { ...each, value: { stringValue: maskedValue } });
      return each;
    });
    return found ? Buffer.from(JSON.stringify(value)) : bytes;
  } catch {
    // No JSON, or nested too deep for the parser.
    return undefined;
  }
}

/** Arguments of tools stand in attributes as JSON text. */
function maskJsonText(text: string, isSecret: IsSecret): string {
  const bytes = Buffer.from(text);
  if (!secretMasking.mayHoldSecrets(bytes, 0, bytes.length)) return text;
  return maskJson(bytes, isSecret)?.toString("utf8") ?? text;
}

function isKeyValue(value: unknown): value is { key: string; value: unknown } {
  return (
    typeof value === "object" && value !== null && "key" in value && typeof value.key === "string" && "value" in value
  );
}

/** `0a <length> <key> 12 <length> <value>`, wherever it stands, and `"key":"..." ... "value":...` in text that is cut. */
function maskKeyValues(bytes: Buffer, isSecret: IsSecret): Buffer {
  const out = Buffer.from(bytes);
  for (let at = out.indexOf(0x0a); at !== -1; at = out.indexOf(0x0a, at + 1)) {
    const keyStart = at + 2;
    const keyEnd = keyStart + (out[at + 1] ?? 0);
    if (keyEnd > out.length || out[keyEnd] !== 0x12) continue;
    if (!isSecret(out.toString("utf8", keyStart, keyEnd))) continue;
    let valueStart = keyEnd + 1;
    let length = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = out[valueStart++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    out.fill(0x2a, Math.min(valueStart, out.length), Math.min(valueStart + length, out.length));
  }
  return out;
}

const attributeText = /("key"\s*:\s*"([^"\\]{1,256})"\s*,\s*"value"\s*:\s*\{\s*"\w{1,32}"\s*:\s*")((?:[^"\\]|\\.)*)/g;
const memberText = /("([^"\\]{1,256})"\s*:\s*")((?:[^"\\]|\\.)*)/g;

function maskText(bytes: Buffer, isSecret: IsSecret): Buffer {
  const text = bytes.toString("latin1");
  let result = text;
  for (const pattern of [attributeText, memberText]) {
    result = result.replace(pattern, (all, head: string, key: string) =>
      isSecret(key) ? `${head}${maskedValue}` : all,
    );
  }
  return result === text ? bytes : Buffer.from(result, "latin1");
}
