/**
 * Event mapping 2.2: `prefix.N.rest` attributes folded into a list.
 *
 * `gen_ai.prompt.1.tool_calls.0.name` becomes `[.., {tool_calls: [{name}]}]`. One pass over the attributes; indexes are numeric whatever their
 * order, gaps close up, and an object whose keys are all digits becomes a list.
 */
import type { Json } from "@nonet/proto/json.ts";
import type { AttributeMap } from "@nonet/proto/otlp-span.ts";
import { toJson } from "./attribute-json.ts";
import type { MappingLimits } from "./limits.ts";
import { isPresent } from "./present-value.ts";

export interface FoldedList {
  readonly items: readonly Json[];
  /** Some index was beyond the limit. */
  readonly dropped: boolean;
}

interface Branch {
  /** A leaf at this very place, e.g. `annotations.0` itself; members win over it. */
  leaf?: Json;
  members?: Map<string, Branch>;
}

const nothing: FoldedList = { items: [], dropped: false };

export function foldIndexed(attributes: AttributeMap, prefix: string, limits: MappingLimits): FoldedList {
  let byIndex: Map<number, Branch> | undefined;
  let dropped = false;
  for (const [key, value] of attributes) {
    if (key.length <= prefix.length + 1 || key.charCodeAt(prefix.length) !== dot || !key.startsWith(prefix)) continue;
    const end = endOfDigits(key, prefix.length + 1);
    if (end === prefix.length + 1 || (end < key.length && key.charCodeAt(end) !== dot)) continue;
    const index = Number(key.slice(prefix.length + 1, end));
    if (index >= limits.foldedIndexesMax) {
      dropped = true;
      continue;
    }
    if (!isPresent(value)) continue;
    byIndex ??= new Map();
    let branch = byIndex.get(index);
    if (branch === undefined) {
      branch = {};
      byIndex.set(index, branch);
    }
    grow(branch, key, end + 1).leaf = toJson(value, limits.inlineBytesMax);
  }
  if (byIndex === undefined) return dropped ? { items: [], dropped } : nothing;
  const items = [...byIndex].sort(([a], [b]) => a - b).map(([, branch]) => toValue(branch));
  return { items, dropped };
}

const dot = 46;

/** Deeper segments stay one dotted key: no sender nests further, and a hostile key must not cost more than its length. */
const segmentsMax = 16;

function grow(from: Branch, key: string, start: number): Branch {
  let branch = from;
  let at = start;
  for (let depth = 0; at < key.length; depth++) {
    const nextDot = depth < segmentsMax ? key.indexOf(".", at) : -1;
    const end = nextDot < 0 ? key.length : nextDot;
    const segment = key.slice(at, end);
    branch.members ??= new Map();
    let next = branch.members.get(segment);
    if (next === undefined) {
      next = {};
      branch.members.set(segment, next);
    }
    branch = next;
    at = end + 1;
  }
  return branch;
}

function toValue(branch: Branch): Json {
  const { members } = branch;
  if (members === undefined) return branch.leaf ?? null;
  let allDigits = true;
  for (const key of members.keys()) {
    if (endOfDigits(key, 0) !== key.length || key.length === 0 || key.length > 9) {
      allDigits = false;
      break;
    }
  }
  if (allDigits) return [...members].sort(([a], [b]) => Number(a) - Number(b)).map(([, member]) => toValue(member));
  const object: { [key: string]: Json } = Object.create(null);
  for (const [key, member] of members) object[key] = toValue(member);
  return object;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) break;
    at++;
  }
  return at;
}
