// Files of at most 600 lines and functions of at most 70. What was longer when it was written down in ratchet.json
// may stay, may shrink, and may not grow.

import type { Node } from "oxc-parser";

import type { Rule } from "../rule.ts";
import { type Finding, lineAt, type SourceFile, walk } from "../source-file.ts";

export const FILE_LINES_MAX = 600;
export const FUNCTION_LINES_MAX = 70;
/** How far an exception may lie above what it excepts before it has to be tightened. */
const RATCHET_SLACK_LINES = 20;

/** Accepted exceptions: lines by file path, and by `path#function`. */
export interface Ratchet {
  readonly files: Readonly<Record<string, number>>;
  readonly functions: Readonly<Record<string, number>>;
}

export interface Size {
  /** A file's path, or `path#function`. */
  readonly key: string;
  readonly path: string;
  readonly line: number;
  readonly lines: number;
}

export function sizes(ratchet: Ratchet): Rule {
  return {
    name: "sizes",
    applies: (file) => file.syntax !== undefined,
    check: (files) => [
      ...judge(fileSizes(files), FILE_LINES_MAX, ratchet.files, "file"),
      // A suite's outermost callback spans all of its tests, so the limit on functions means nothing there.
      ...judge(
        functionSizes(files.filter((file) => !file.isTest)),
        FUNCTION_LINES_MAX,
        ratchet.functions,
        "function",
      ),
    ],
  };
}

export function fileSizes(files: readonly SourceFile[]): readonly Size[] {
  return files.map((file) => {
    const lines = lineAt(file.text, file.text.trimEnd().length);
    return { key: file.path, path: file.path, line: 1, lines };
  });
}

export function functionSizes(files: readonly SourceFile[]): readonly Size[] {
  return files.flatMap((file) => {
    const found: Size[] = [];
    if (file.syntax === undefined) return found;
    walk(file.syntax.program, (node, parent) => {
      if (!isFunction(node)) return;
      const line = lineAt(file.text, node.start);
      const lines = lineAt(file.text, node.end) - line + 1;
      found.push({ key: `${file.path}#${functionName(node, parent)}`, path: file.path, line, lines });
    });
    return found;
  });
}

function judge(
  all: readonly Size[],
  limit: number,
  exceptions: Readonly<Record<string, number>>,
  what: "file" | "function",
): Finding[] {
  const findings: Finding[] = [];
  const longest = new Map<string, Size>();
  for (const size of all) {
    if (size.lines > (longest.get(size.key)?.lines ?? 0)) longest.set(size.key, size);
    const allowed = Math.max(limit, exceptions[size.key] ?? 0);
    if (size.lines > allowed) {
      findings.push({
        ...at(size),
        message: `${what} of ${size.lines} lines, at most ${allowed}: split ${size.key}`,
      });
    }
  }
  for (const [key, allowed] of Object.entries(exceptions)) {
    const size = longest.get(key);
    const stale = size === undefined || size.lines <= limit;
    if (!stale && allowed - size.lines <= RATCHET_SLACK_LINES) continue;
    const message = stale ? `remove "${key}": no longer needed` : `lower "${key}" to ${size.lines}`;
    findings.push({ path: "tools/tidy/ratchet.json", line: 1, message });
  }
  return findings;
}

function at(size: Size): { path: string; line: number } {
  return { path: size.path, line: size.line };
}

type FunctionNode = Node & { type: "FunctionDeclaration" | "FunctionExpression" | "ArrowFunctionExpression" };

function isFunction(node: Node): node is FunctionNode {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

function functionName(node: FunctionNode, parent: Node | undefined): string {
  if (node.id !== null && node.id !== undefined) return node.id.name;
  switch (parent?.type) {
    case "VariableDeclarator":
      return parent.id.type === "Identifier" ? parent.id.name : "anonymous";
    case "MethodDefinition":
    case "PropertyDefinition":
    case "Property":
      return keyName(parent.key);
    default:
      return "anonymous";
  }
}

function keyName(key: Node): string {
  if (key.type === "Identifier") return key.name;
  return key.type === "PrivateIdentifier" ? `#${key.name}` : "computed";
}
