/**
 * Secrets in the arguments of tools, where a span carries them as text (event-mapping.md 6.2: "Keys of tool arguments follow the same pattern; free text is
 * not searched").
 *
 *     gen_ai.tool.call.arguments   {"user":"ann","password":"hunter2"}                                 the attribute is the arguments
 *     gen_ai.output.messages       [{"parts":[{"type":"tool_call","arguments":{"password":"hunter2"}}]}]   a key says where they are
 *     ...function                  {"arguments":"{\"password\":\"hunter2\"}"}                          JSON in JSON
 *
 * The text is scanned, not parsed: apart from the values that go it stays as it is, to the last digit and space. What Python prints
 * (`{'password': 'hunter2'}`) is read the same way. Keys elsewhere (a message, an answer, a schema of a tool) are content and stay.
 */
import { isSecretKey, maskedValue } from "../map/sanitise.ts";

/** Attributes that hold the arguments of a call, or the inputs of the span that is one. */
const argumentAttribute =
  /(?:^|[._])(?:arguments|args|kwargs|parameters|input|inputs|input_str|tool_input|spaninputs|toolinput)$|^input\.value$/i;

/** Keys inside a text whose values are arguments. */
const argumentKeys: ReadonlySet<string> = new Set([
  "arguments",
  "args",
  "kwargs",
  "input",
  "inputs",
  "input_str",
  "tool_input",
  "toolInput",
]);

/** JSON in JSON in JSON: beyond this it is text. */
const embeddedDepthMax = 4;

/**
 * @param key of the attribute, or of the pair inside it, that holds the text.
 * @returns the text itself when nothing is to be masked.
 */
export function maskArgumentText(key: string, text: string): string {
  return mask(text, argumentAttribute.test(key), 0);
}

function mask(text: string, inArguments: boolean, embedded: number): string {
  const pieces: string[] = [];
  let copied = 0;
  /** Whether the container, and the value to come, belong to arguments. */
  const containers: boolean[] = [];
  let inContainer = inArguments;
  let inValue = inArguments;
  let at = 0;

  const replace = (start: number, end: number, replacement: string): void => {
    pieces.push(text.slice(copied, start), replacement);
    copied = end;
    at = end;
  };

  while (at < text.length) {
    const character = text[at];
    switch (character) {
      case "{":
      case "[":
        containers.push(inContainer);
        inContainer = inValue;
        at++;
        continue;
      case "}":
      case "]":
        inContainer = containers.pop() ?? inArguments;
        inValue = inContainer;
        at++;
        continue;
      case ",":
        inValue = inContainer;
        at++;
        continue;
      case '"':
      case "'":
        break;
      default:
        at++;
        continue;
    }
    const end = endOfString(text, at);
    const valueStart = startOfValue(text, end);
    if (valueStart === undefined) {
      const inner = inValue && embedded < embeddedDepthMax ? unquote(text.slice(at, end)) : undefined;
      const masked = inner === undefined ? undefined : mask(inner, true, embedded + 1);
      if (masked === undefined || masked === inner) at = end;
      else replace(at, end, JSON.stringify(masked));
      continue;
    }
    const key = text.slice(at + 1, end - 1);
    at = valueStart;
    if (inContainer && isSecretKey(key)) {
      const valueEnd = endOfValue(text, valueStart);
      const value = text.slice(valueStart, valueEnd);
      if (isKept(value)) continue;
      replace(valueStart, valueEnd, `${character}${maskedValue}${character}`);
    } else inValue = inContainer || argumentKeys.has(key);
  }
  if (pieces.length === 0) return text;
  pieces.push(text.slice(copied));
  return pieces.join("");
}

/** After the quote that ends the string at `start`. */
function endOfString(text: string, start: number): number {
  const quote = text[start] as string;
  let at = start + 1;
  for (;;) {
    const end = text.indexOf(quote, at);
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0 || end - backslashes <= start) return end + 1;
    at = end + 1;
  }
}

/** Where the value of a key begins; undefined when what ended was no key. */
function startOfValue(text: string, keyEnd: number): number | undefined {
  let at = skipSpace(text, keyEnd);
  if (text[at] !== ":") return undefined;
  at = skipSpace(text, at + 1);
  return at < text.length ? at : undefined;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
  return at;
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at];
    if (character === '"' || character === "'") {
      at = endOfString(text, at);
      if (depth === 0) return at;
    } else if (character === "{" || character === "[") {
      depth++;
      at++;
    } else if (character === "}" || character === "]") {
      if (depth === 0) return at;
      depth--;
      at++;
      if (depth === 0) return at;
    } else if (depth === 0 && (character === "," || text.charCodeAt(at) <= 0x20)) return at;
    else at++;
  }
  return at;
}

/** Nothing to hide: no value, an empty one, or the schema of a parameter of that name. */
function isKept(value: string): boolean {
  if (value === "null" || value === "None" || value === '""' || value === "''") return true;
  return (
    value.startsWith("{") && /"type"\s*:\s*"(?:string|number|integer|boolean|object|array)"/.test(value.slice(0, 2_000))
  );
}

/** What a JSON string that may hold JSON says. */
function unquote(quoted: string): string | undefined {
  if (!/^"\s*(?:\\"|[{[])/.test(quoted)) return undefined;
  try {
    const inner: unknown = JSON.parse(quoted);
    return typeof inner === "string" ? inner : undefined;
  } catch {
    // Cut or not JSON after all: it stays text.
    return undefined;
  }
}
