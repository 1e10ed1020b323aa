/**
 * Chat messages that an instrumentation kept only as Python's `repr`, which is neither JSON nor a literal (corpus):
 *
 *     ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[TextContent(text='...')], ...)            Haystack
 *     ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, blocks=[TextBlock(block_type='text', text='...')])  LlamaIndex
 */
import type { Json } from "@nonet/proto/json.ts";
import { parsePythonLiteral } from "./python-literal.ts";

export const representationCharsMax = 65_536;

const assistantText =
  /^ChatMessage\(_?role=<\w{1,40}\.ASSISTANT: 'assistant'>, (?:additional_kwargs=\{[^{}]{0,1000}\}, )?(?:_content|content|blocks)=\[?(?:Text\w{1,20}\((?:block_type='text', )?text=)?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/s;

/** Text of the last message of an assistant that has any. */
export function lastRepresentedText(messages: readonly Json[]): string | undefined {
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index];
    if (typeof message !== "string" || message.length > representationCharsMax) continue;
    const literal = assistantText.exec(message)?.[1];
    const text = literal === undefined ? undefined : parsePythonLiteral(literal);
    if (typeof text === "string" && text !== "") return text;
  }
  return undefined;
}

/**
 * True when the text is one call of a constructor, from its name to its last bracket: several in a row are the pieces of a stream, and one
 * that was cut has no end.
 */
export function isOneConstructor(text: string): boolean {
  let depth = 0;
  let quoteCode = 0;
  const last = text.trimEnd().length - 1;
  for (let at = 0; at <= last; at++) {
    const code = text.charCodeAt(at);
    if (quoteCode !== 0) {
      if (code === backslash) at++;
      else if (code === quoteCode) quoteCode = 0;
    } else if (code === singleQuote || code === doubleQuote) quoteCode = code;
    else if (code === openParenthesis) depth++;
    else if (code === closeParenthesis && --depth <= 0) return depth === 0 && at === last;
  }
  return false;
}

const backslash = 92;
const singleQuote = 39;
const doubleQuote = 34;
const openParenthesis = 40;
const closeParenthesis = 41;
