/** Event mapping 2.12: metadata, tags, environment, service. */

import type { Json, JsonObject } from "@nonet/proto/json.ts";
import type { AttributeMap } from "@nonet/proto/otlp-span.ts";
import { toJson } from "./attribute-json.ts";
import { isRecord, newRecord } from "./json-shape.ts";
import { parseJsonText, toCompactJson } from "./json-text.ts";
import { keyList } from "./key-list.ts";
import { isPresent } from "./present-value.ts";
import { cleanName, cutBytes, isSecretAttribute, isSecretKey, maskedValue } from "./sanitise.ts";
import { sanitiseJson } from "./sanitise-json.ts";
import { family, type SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

const metadataObjectKeys = ["metadata", "langfuse.observation.metadata", "langfuse.trace.metadata"] as const;
const metadataPrefixes = [
  "metadata.",
  "traceloop.association.properties.",
  "lmnr.association.properties.metadata.",
  "ai.telemetry.metadata.",
  "langsmith.metadata.",
  "langfuse.observation.metadata.",
  "langfuse.trace.metadata.",
  "ai.settings.context.",
  "gen_ai.request.metadata.",
  "mastra.metadata.",
] as const;

const metadataFamilies =
  family.metadata |
  family.traceloop |
  family.laminar |
  family.vercel |
  family.langsmith |
  family.langfuse |
  family.mastra;

/** Union of metadata objects and of attributes below metadata prefixes; earlier wins, secrets are masked. */
export function readMetadata({ reader, families }: SpanFacts): JsonObject | undefined {
  if ((families & metadataFamilies) === 0) return undefined;
  reader.field = "metadata";
  const metadata = newRecord();
  const { metadataKeysMax, nameCharsMax } = reader.limits;
  let count = 0;
  /** False when there is no room for another member. */
  const add = (member: string, value: Json): boolean => {
    const name = cleanName(member, nameCharsMax);
    if (name === "" || Object.hasOwn(metadata, name)) return true;
    if (count === metadataKeysMax) {
      reader.exceeded("metadataKeysMax");
      return false;
    }
    count++;
    metadata[name] = isSecretKey(member) ? maskedValue : limitMetadataValue(reader, value);
    return true;
  };
  for (const key of metadataObjectKeys) {
    const value = reader.attributes.has(key) ? reader.json(key) : undefined;
    if (!isRecord(value)) continue;
    for (const member of Object.keys(value)) if (!add(member, value[member] ?? null)) return metadata;
  }
  for (const prefix of metadataPrefixes) {
    for (const [key, raw] of reader.attributes) {
      if (!key.startsWith(prefix) || !isPresent(raw) || isLeakedVariable(key)) continue;
      const value = isSecretAttribute(key)
        ? maskedValue
        : toJson(reader.value(key) ?? null, reader.limits.inlineBytesMax);
      if (!add(key.slice(prefix.length), value)) return metadata;
    }
  }
  return count === 0 ? undefined : metadata;
}

/** LangSmith copies its own environment variables into the metadata of every run (corpus): they tell of the process, not of the run. */
function isLeakedVariable(key: string): boolean {
  return key.startsWith("langsmith.metadata.LANG") && /^langsmith\.metadata\.LANG(?:SMITH|CHAIN)_[A-Z0-9_]+$/.test(key);
}

function limitMetadataValue(reader: SpanReader, value: Json): Json {
  const { metadataValueBytesMax } = reader.limits;
  const clean = sanitiseJson(value, reader, { maskSecrets: true, deep: true });
  if (clean === null || typeof clean === "number" || typeof clean === "boolean") return clean;
  const text = typeof clean === "string" ? clean : toCompactJson(clean);
  const cut = cutBytes(text, metadataValueBytesMax);
  if (cut.length === text.length) return clean;
  reader.exceeded("metadataValueBytesMax");
  return cut;
}

const tagKeys = keyList([
  "tag.tags",
  "langfuse.trace.tags",
  "ai.telemetry.metadata.tags",
  "langsmith.span.tags",
  "langsmith.metadata.tags",
  "mastra.tags",
  "tags",
  "logfire.tags",
]);

/** A list, JSON text of one, or text split at commas. */
export function readTags({ reader }: SpanFacts): string[] | undefined {
  reader.field = "tags";
  const { limits } = reader;
  const value = reader.first(tagKeys);
  if (value === undefined) return undefined;
  let items: unknown = typeof value === "string" ? parseJsonText(value, limits).value : value;
  if (typeof items === "string") items = items.split(",");
  if (!Array.isArray(items)) return undefined;
  const tags: string[] = [];
  for (const item of items as readonly unknown[]) {
    if (typeof item !== "string" && typeof item !== "number") continue;
    const tag = cleanName(String(item), limits.tagCharsMax);
    if (!isPresent(tag) || tags.includes(tag)) continue;
    if (tags.length === limits.tagsMax) {
      reader.exceeded("tagsMax");
      break;
    }
    if (tag.length < String(item).trim().length) reader.exceeded("tagCharsMax");
    tags.push(tag);
  }
  return tags.length > 0 ? tags : undefined;
}

const environmentKeys = keyList([
  "deployment.environment.name",
  "deployment.environment",
  "langfuse.environment",
  "gen_ai.environment",
]);

/** Usually a resource attribute; some SDKs put it on every span. */
export function readEnvironment(reader: SpanReader): string | undefined {
  reader.field = "environment";
  return firstNameIn(reader, reader.span.resource.attributes, environmentKeys) ?? reader.firstName(environmentKeys);
}

export function readServiceName(reader: SpanReader): string | undefined {
  return firstNameIn(reader, reader.span.resource.attributes, ["service.name"]);
}

function firstNameIn(reader: SpanReader, attributes: AttributeMap, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributes.get(key);
    const name = value === undefined ? undefined : reader.toName(value);
    if (name !== undefined) return name;
  }
  return undefined;
}
