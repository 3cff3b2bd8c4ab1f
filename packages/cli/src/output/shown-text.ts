/** How text of others looks on a terminal: escaped, measured, shortened. */
export { shownLine, shownLines } from "@holdfast/protocol";

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const ASCII_ONLY = /^[\u0020-\u007e]*$/;

/** Made when it is first needed: that takes 20 ms, and a server never needs it. */
let segmenter: Intl.Segmenter | undefined;

function charactersOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
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
