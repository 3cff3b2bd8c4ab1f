/**
 * Text of others on a terminal or in a log. Keys, messages and names come from callers: a control character in them could
 * move the cursor, colour the screen, hide what follows or begin a line that nobody wrote, and must arrive as something to see.
 */

const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u200b\u2028\u2029\ufeff]/gu;
const UNSAFE_BUT_NEWLINE = /(?!\n)[\p{Cc}\p{Bidi_Control}\u200b\u2028\u2029\ufeff]/gu;

/** One line: every control character, the end of line among them, as an escape. */
export function shownLine(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** Several lines, otherwise the same. */
export function shownLines(text: string): string {
  return text.replace(UNSAFE_BUT_NEWLINE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
