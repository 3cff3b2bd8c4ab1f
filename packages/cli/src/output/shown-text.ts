/**
 * Text of others on a terminal. Keys, messages and names come from callers: a control character in them could move the
 * cursor, colour the screen or hide what follows, and must arrive as something to see.
 */

const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u200b\u2028\u2029\ufeff]/gu;
const UNSAFE_BUT_NEWLINE = /(?!\n)[\p{Cc}\p{Bidi_Control}\u200b\u2028\u2029\ufeff]/gu;

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const ASCII_ONLY = /^[\u0020-\u007e]*$/;

/** Made when it is first needed: that takes 20 ms, and a server never needs it. */
let segmenter: Intl.Segmenter | undefined;

function charactersOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}

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

/** Columns that a text without control characters takes on a terminal. */
export function widthOf(text: string): number {
  if (ASCII_ONLY.test(text)) return text.length;
  let width = 0;
  for (const { segment } of charactersOf(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** The beginning of a text with "…" behind it, when it is wider than allowed. */
export function shortened(text: string, widthMax: number): string {
  if (widthOf(text) <= widthMax) return text;
  let result = "";
  let width = 1;
  for (const { segment } of charactersOf(text)) {
    width += WIDE.test(segment) ? 2 : 1;
    if (width > widthMax) break;
    result += segment;
  }
  return `${result}…`;
}
