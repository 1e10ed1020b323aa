/** Not in the specification: a decorated function through which a program runs all its tools, `call_tool(name, args)` (corpus). */
import type { Json } from "@nonet/proto/json.ts";
import { isList, isRecord, member } from "./json-shape.ts";
import { tryParseStructure } from "./json-text.ts";
import type { MappingLimits } from "./limits.ts";
import { isPresent } from "./present-value.ts";

export interface DispatchedCall {
  readonly toolName: string;
  readonly arguments: Json;
}

const dispatcherName = /^(?:call|run|execute|invoke|dispatch|handle)(?:_?(?:tool|function))?(?:_?calls?)?$/i;

/** @returns the tool that was meant; undefined unless the arguments are a name and an object, and nothing else. */
export function readDispatch(
  toolName: string,
  args: Json | undefined,
  limits: MappingLimits,
): DispatchedCall | undefined {
  if (toolName.length > 64 || !dispatcherName.test(toolName)) return undefined;
  const pair = toPair(args);
  if (pair === undefined || pair.length !== 2) return undefined;
  const [name, value] = pair;
  if (typeof name !== "string" || !isPresent(name) || value === undefined) return undefined;
  const values = typeof value === "string" ? tryParseStructure(value, limits) : value;
  return isRecord(values) ? { toolName: name, arguments: values } : undefined;
}

const nameKeys = ["name", "tool_name", "toolName", "tool"] as const;
const valueKeys = ["args", "arguments", "input", "parameters"] as const;

function toPair(args: Json | undefined): readonly (Json | undefined)[] | undefined {
  if (isList(args)) return args;
  if (!isRecord(args)) return undefined;
  const positional = member(args, "args");
  if (isList(positional)) return isPresent(member(args, "kwargs")) ? undefined : positional;
  if (Object.keys(args).length !== 2) return undefined;
  const nameKey = nameKeys.find((key) => Object.hasOwn(args, key));
  const valueKey = valueKeys.find((key) => Object.hasOwn(args, key));
  return nameKey === undefined || valueKey === undefined ? undefined : [args[nameKey], args[valueKey]];
}
