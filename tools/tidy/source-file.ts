import { type Comment, type Node, parseSync, type Program, visitorKeys } from "oxc-parser";

/** One file of the repository, read and parsed once for all rules. */
export interface SourceFile {
  /** Relative to the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Where it belongs: "packages/engine", "apps/slipway", "tools". */
  readonly workspace: string;
  /** Test files and contract suites. They may do more than sources. */
  readonly isTest: boolean;
  /** Undefined for a file that is not TypeScript or JavaScript. */
  readonly syntax: Syntax | undefined;
}

export interface Syntax {
  readonly program: Program;
  readonly comments: readonly Comment[];
  /** Everything this file names in an import or a re-export: values and types, static and dynamic. */
  readonly imports: readonly ImportedModule[];
}

export interface ImportedModule {
  readonly specifier: string;
  readonly offset: number;
}

export interface Finding {
  readonly path: string;
  readonly line: number;
  /** What to write instead, not only what is wrong. */
  readonly message: string;
}

export function readSource(path: string, text: string): SourceFile {
  return {
    path,
    text,
    workspace: workspaceOf(path),
    isTest: /\.(test|contract)\.ts$/.test(path),
    syntax: /\.[cm]?[jt]sx?$/.test(path) ? parse(path, text) : undefined,
  };
}

export function findingAt(file: SourceFile, offset: number, message: string): Finding {
  return { path: file.path, line: lineAt(file.text, offset), message };
}

/** Calls back for every node, parents before children. */
export function walk(root: Node, visit: (node: Node, parent: Node | undefined) => void): void {
  const step = (node: Node, parent: Node | undefined): void => {
    visit(node, parent);
    for (const key of visitorKeys[node.type] ?? []) {
      const child: unknown = Reflect.get(node, key);
      for (const each of Array.isArray(child) ? child : [child]) {
        if (isNode(each)) step(each, node);
      }
    }
  };
  step(root, undefined);
}

/** The line, counted from one, on which the character at `offset` stands. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

function workspaceOf(path: string): string {
  const [top, second, third] = path.split("/");
  if (top === undefined || second === undefined) return "";
  return (top === "packages" || top === "apps") && third !== undefined ? `${top}/${second}` : top;
}

function parse(path: string, text: string): Syntax {
  const { program, comments, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`Cannot parse ${path}: ${error.message}`);

  const imports: ImportedModule[] = [];
  walk(program, (node) => {
    const source = importSource(node);
    if (source?.type === "Literal" && typeof source.value === "string") {
      imports.push({ specifier: source.value, offset: source.start });
    }
  });
  return { program, comments, imports };
}

function importSource(node: Node): Node | null {
  switch (node.type) {
    case "ImportDeclaration":
    case "ImportExpression":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
    case "TSImportType":
      return node.source;
    default:
      return null;
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}
