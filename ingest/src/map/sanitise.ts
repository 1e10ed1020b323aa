/** Event mapping 6.2: characters, secrets, bytes. Each function returns its argument itself when there is nothing to change. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find.
const controlCharacter = /[\u0000-\u0008\u000b-\u001f\u007f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove.
const controlCharacters = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** True when `cleanText` would change the text. */
export function isUncleanText(text: string): boolean {
  return controlCharacter.test(text) || !text.isWellFormed();
}

/**
 * True when a text inside this JSON text may need `cleanText`: inside valid JSON a control character can only be written as an escape, so looking
 * for the escapes spares looking at every text.
 */
export function isUncleanJsonText(text: string): boolean {
  for (let at = text.indexOf("\\"); at >= 0; at = text.indexOf("\\", at + 2)) {
    const letter = text.charCodeAt(at + 1);
    // \u, \r, \b, \f
    if (letter === 117 || letter === 114 || letter === 98 || letter === 102) return true;
  }
  return text.includes("\u007f") || !text.isWellFormed();
}

/** CR LF becomes LF; other C0 controls except tab and newline, and DEL, go; lone surrogates become U+FFFD. */
export function cleanText(text: string): string {
  if (!isUncleanText(text)) return text;
  return text.replaceAll("\r\n", "\n").replace(controlCharacters, "").toWellFormed();
}

/** Ids, names and tags: clean, trimmed, and cut at a character border. */
export function cleanName(text: string, charsMax: number): string {
  return cutChars(cleanText(text).trim(), charsMax);
}

/** At most `charsMax` UTF-16 units; never half a surrogate pair. */
export function cutChars(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const last = text.charCodeAt(charsMax - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? charsMax - 1 : charsMax);
}

/** At most `bytesMax` bytes of UTF-8, cut at a character border. */
export function cutBytes(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text;
  if (Buffer.byteLength(text) <= bytesMax) return text;
  // At least one byte per unit: the rest cannot fit, and need not be encoded.
  const bytes = Buffer.from(text.slice(0, bytesMax));
  let end = Math.min(bytesMax, bytes.length);
  if (end < bytes.length) while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** Stacks keep both ends: the error and where it came from. */
export function cutMiddle(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return text;
  const mark = "\n[...]\n";
  const half = Math.floor((bytesMax - mark.length) / 2);
  return `${cutBytes(text, half)}${mark}${keepLastBytes(text, half)}`;
}

function keepLastBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text.slice(-bytesMax).toWellFormed());
  let start = Math.max(0, bytes.length - bytesMax);
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.toString("utf8", start);
}

export const maskedValue = "[masked]";

const secretName =
  /(^|[._-])(authorization|cookie|set-cookie|password|passwd|secret|api[_-]?key|access[_-]?token|refresh[_-]?token|private[_-]?key|client[_-]?secret)$/i;
/** Last three letters of the words above: nearly every key ends otherwise and needs no pattern. */
const secretEndings: ReadonlySet<number> = new Set(["ion", "kie", "ord", "swd", "ret", "key", "ken"].map(endingOf));

/** The last three characters as one number, letters whatever their case. */
function endingOf(key: string): number {
  const { length } = key;
  return (
    ((key.charCodeAt(length - 3) | 32) << 16) |
    ((key.charCodeAt(length - 2) | 32) << 8) |
    key.charCodeAt(length - 1) |
    32
  );
}

/** Keys of metadata and tool arguments, at any depth. */
export function isSecretKey(key: string): boolean {
  if (!secretEndings.has(endingOf(key))) return false;
  // The longest word has 13 letters; a longer key is only looked at where the word can stand.
  return secretName.test(key.length > 64 ? key.slice(-64) : key);
}

const secretAttributes: ReadonlySet<string> = new Set([
  "llm.headers",
  "langsmith.request.headers",
  "gen_ai.request.extra_headers",
]);
const secretPrefixes = [
  "ai.request.headers.",
  "http.request.header.",
  "http.response.header.",
  "llm.headers.",
  "langsmith.request.headers.",
  "gen_ai.request.extra_headers.",
] as const;

/** Attributes whose values become `[masked]` before anything is published (6.2, contracts ruling 1). */
export function isSecretAttribute(key: string): boolean {
  const first = key.charCodeAt(0);
  // `a`, `h`, `l`, `g`: only these begin one of the names above.
  if (first === 97 || first === 104 || first === 108 || first === 103) {
    if (secretAttributes.has(key)) return true;
    for (const prefix of secretPrefixes) if (key.startsWith(prefix)) return true;
  }
  return isSecretKey(key);
}

/** The media type of a `data:` URI; undefined for other text. */
export function dataUriMimeType(text: string): string | undefined {
  if (!text.startsWith("data:")) return undefined;
  const end = text.slice(0, 200).search(/[;,]/);
  return end < 0 ? undefined : cutChars(text.slice(5, end), 128);
}
