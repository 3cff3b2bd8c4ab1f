/** A section of docs/reliability.md that is written by a program, between two marks of its own. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DOCUMENT = fileURLToPath(new URL("../../../docs/reliability.md", import.meta.url));

export function writeSection(name: string, text: string): void {
  const document = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8") : "# Reliability\n";
  writeFileSync(DOCUMENT, withSection(document, name, text));
}

/** Replaces what stands between the marks; a document without them gets both at its end. */
export function withSection(document: string, name: string, text: string): string {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const section = `${begin}\n\n${text}\n\n${end}`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from) return `${document.trimEnd()}\n\n${section}\n`.trimStart();
  return document.slice(0, from) + section + document.slice(to + end.length);
}
