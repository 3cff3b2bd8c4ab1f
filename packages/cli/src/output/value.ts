/** Results of handlers, in their stored form, which is JSON. */
import { encodeValue, type ValuePreview } from "@holdfast/protocol";

import type { Output } from "./output.ts";
import { shownLine, shownLines } from "./shown-text.ts";

/** Prints JSON with and without --json; nothing at all is nothing to people, and null to programs. */
export function printValue(out: Output, value: unknown): void {
  const text = new TextDecoder().decode(encodeValue(value));
  if (text === "") {
    if (out.isJson) out.document(null);
    return;
  }
  if (out.isJson) out.print(text);
  else out.print(shownLines(JSON.stringify(JSON.parse(text), undefined, 2)));
}

/** A value on one line. */
export function previewText({ bytes, json, text, base64, truncated }: ValuePreview): string {
  if (json !== undefined) return shownLine(JSON.stringify(json));
  if (bytes === 0) return "nothing";
  const beginning = text ?? base64;
  if (beginning === undefined) return `${bytes} bytes`;
  return shownLine(beginning) + (truncated === true ? `… (${bytes} bytes)` : "");
}
