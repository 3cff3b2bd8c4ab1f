import { parseSync } from "oxc-parser";

/**
 * The program with all that follows its imports put into an async function that runs at once. Lines stay where they are.
 * For an entry, which exports nothing; a rejection ends the process as it would have.
 */
export function wrapTopLevelAwait(path: string, source: string): string {
  const { body } = parseSync(path, source).program;
  const exported = body.find(({ type }) => type.startsWith("Export"));
  if (exported !== undefined) throw new Error(`Cannot wrap ${path}: it has exports, and a program has none`);

  const imports = body.filter(({ type }) => type === "ImportDeclaration");
  const end = imports.at(-1)?.end ?? 0;
  if (body.slice(0, imports.length).some(({ type }) => type !== "ImportDeclaration")) {
    throw new Error(`Cannot wrap ${path}: an import follows a statement`);
  }
  return `${source.slice(0, end)} void (async () => {${source.slice(end)}\n})();\n`;
}
