/**
 * Masks what it can in bytes that could not be decoded, for the quarantine: there is no message to walk, so secrets are looked for by their
 * shape. JSON that parses is masked member by member; in everything else the value behind a secret key is blanked where a KeyValue seems to
 * stand, and replaced where the text looks like a piece of JSON.
 */
import { isSecretAttribute, maskedValue } from "../map/sanitise.ts";
import { secretMasking } from "../receive/mask-secrets.ts";

export function maskUnreadable(bytes: Buffer): Buffer {
  return maskJson(bytes) ?? maskText(maskKeyValues(bytes));
}

/** @returns undefined for what is no JSON; the same bytes when there is nothing to mask, so that numbers stay as they were written. */
function maskJson(bytes: Buffer): Buffer | undefined {
  let found = false;
  const replace = (value: unknown, by: unknown): unknown => {
    if (value !== by) found = true;
    return by;
  };
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"), (name, each: unknown) => {
      if (name !== "" && isSecretAttribute(name)) return replace(each, maskedValue);
      if (typeof each === "string") return replace(each, maskJsonText(each));
      if (isKeyValue(each) && isSecretAttribute(each.key))
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
function maskJsonText(text: string): string {
  const bytes = Buffer.from(text);
  if (!secretMasking.mayHoldSecrets(bytes, 0, bytes.length)) return text;
  return maskJson(bytes)?.toString("utf8") ?? text;
}

function isKeyValue(value: unknown): value is { key: string; value: unknown } {
  return (
    typeof value === "object" && value !== null && "key" in value && typeof value.key === "string" && "value" in value
  );
}

/** `0a <length> <key> 12 <length> <value>`, wherever it stands, and `"key":"..." ... "value":...` in text that is cut. */
function maskKeyValues(bytes: Buffer): Buffer {
  const out = Buffer.from(bytes);
  for (let at = out.indexOf(0x0a); at !== -1; at = out.indexOf(0x0a, at + 1)) {
    const keyStart = at + 2;
    const keyEnd = keyStart + (out[at + 1] ?? 0);
    if (keyEnd > out.length || out[keyEnd] !== 0x12 || !secretMasking.isSecretKey(out, keyStart, keyEnd)) continue;
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

function maskText(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1");
  let result = text;
  for (const pattern of [attributeText, memberText]) {
    result = result.replace(pattern, (all, head: string, key: string) =>
      isSecretAttribute(key) ? `${head}${maskedValue}` : all,
    );
  }
  return result === text ? bytes : Buffer.from(result, "latin1");
}
