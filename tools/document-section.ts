/** The sections of documents that programs write, each between two marks of its own. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const RELIABILITY = fileURLToPath(new URL("../docs/reliability.md", import.meta.url));

/** `name` is that of the marks: "simulator", "mutants", "crucible", "fuzz", "compatibility". */
export function writeSection(name: string, text: string, document: string = RELIABILITY): void {
  writeFileSync(document, withSection(readFileSync(document, "utf8"), name, text));
}

/** Replaces what stands between the marks; a document without them gets both at its end. */
export function withSection(document: string, name: string, text: string): string {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const section = `${begin}\n\n${text}\n\n${end}`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from) return `${document.trimEnd()}\n\n${section}\n`;
  return document.slice(0, from) + section + document.slice(to + end.length);
}
