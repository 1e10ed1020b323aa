/** Event mapping 6.1 and 6.2 for structured values: depth, keys, lists, characters, secrets, bytes. */
import type { Json } from "@nonet/proto/json.ts";
import { isList } from "./json-shape.ts";
import { toCompactJson } from "./json-text.ts";
import { cleanText, cutBytes, cutChars, dataUriMimeType, isSecretKey, maskedValue } from "./sanitise.ts";
import type { SpanReader } from "./span-reader.ts";

export interface SanitiseOptions {
  /** Tool arguments and metadata: values under secret keys become `[masked]`. */
  readonly maskSecrets: boolean;
  /** Look at the characters of every text; needed only when some text of the span was seen to be unclean. */
  readonly deep: boolean;
}

/** Returns the value itself when nothing has to change, else a copy without prototypes. */
export function sanitiseJson(value: Json, reader: SpanReader, options: SanitiseOptions): Json {
  return clean(value, reader, options, 0);
}

function clean(value: Json, reader: SpanReader, options: SanitiseOptions, depth: number): Json {
  if (typeof value === "string") return cleanString(value, reader, options);
  if (value === null || typeof value !== "object") return value;
  if (depth >= reader.limits.depthMax) {
    reader.exceeded("depthMax");
    return cleanString(toCompactJson(value), reader, options);
  }
  return isList(value) ? cleanList(value, reader, options, depth) : cleanObject(value, reader, options, depth);
}

function cleanString(text: string, reader: SpanReader, options: SanitiseOptions): Json {
  const { limits } = reader;
  if (text.length > limits.inlineBytesMax) {
    const mimeType = dataUriMimeType(text);
    if (mimeType !== undefined) return { $bytes: null, size: text.length, mimeType };
    const cut = cutBytes(text, limits.textBytesMax);
    if (cut.length !== text.length) {
      reader.exceeded("textBytesMax");
      return options.deep ? cleanText(cut) : cut;
    }
  }
  return options.deep ? cleanText(text) : text;
}

function cleanList(list: readonly Json[], reader: SpanReader, options: SanitiseOptions, depth: number): Json {
  const { listItemsMax } = reader.limits;
  let copy: Json[] | undefined;
  let { length } = list;
  if (length > listItemsMax) {
    reader.exceeded("listItemsMax");
    length = listItemsMax;
    copy = list.slice(0, length);
  }
  for (let index = 0; index < length; index++) {
    const item = list[index] as Json;
    const cleaned = clean(item, reader, options, depth + 1);
    if (cleaned === item) continue;
    copy ??= list.slice();
    copy[index] = cleaned;
  }
  return copy ?? list;
}

function cleanObject(
  object: { readonly [key: string]: Json },
  reader: SpanReader,
  options: SanitiseOptions,
  depth: number,
): Json {
  const { objectKeysMax, nameCharsMax } = reader.limits;
  const { maskSecrets, deep } = options;
  const keys = Object.keys(object);
  const length = Math.min(keys.length, objectKeysMax);
  if (keys.length > objectKeysMax) reader.exceeded("objectKeysMax");
  /** Made at the first member that has to change. */
  let copy = keys.length > objectKeysMax ? copyOf(object, keys, 0) : undefined;
  for (let index = 0; index < length; index++) {
    const key = keys[index] as string;
    const value = object[key] as Json;
    const masked = maskSecrets && value !== null && isSecretKey(key);
    const cleaned = masked ? maskedValue : clean(value, reader, options, depth + 1);
    const cleanedKey = deep || key.length > nameCharsMax ? cleanKey(key, reader, deep) : key;
    if (copy === undefined) {
      if (cleaned === value && cleanedKey === key) continue;
      copy = copyOf(object, keys, index);
    }
    copy[cleanedKey] = cleaned;
  }
  return copy ?? object;
}

/** The first members, without a prototype. */
function copyOf(object: { readonly [key: string]: Json }, keys: readonly string[], count: number) {
  const copy: { [key: string]: Json } = Object.create(null);
  for (let index = 0; index < count; index++) copy[keys[index] as string] = object[keys[index] as string] as Json;
  return copy;
}

function cleanKey(key: string, reader: SpanReader, deep: boolean): string {
  const { nameCharsMax } = reader.limits;
  const cleaned = cutChars(deep ? cleanText(key) : key, nameCharsMax);
  if (cleaned !== key && key.length > nameCharsMax) reader.exceeded("nameCharsMax");
  return cleaned;
}
