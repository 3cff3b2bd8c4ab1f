/**
 * What Restate's clients write and SQLite says otherwise. Its engine speaks the dialect of DataFusion; only what those
 * clients use of it is here, and docs/sql.md says what.
 */
import { isTimeUnit } from "./sql-functions.ts";
import { isSymbol, isWord, nameOf, type Token } from "./tokens.ts";

const CATALOG = "restate";
const SCHEMAS: ReadonlySet<string> = new Set(["public", "information_schema"]);
/** Instants are texts here. */
const TEXT_TYPES: ReadonlySet<string> = new Set(["string", "utf8", "timestamp"]);
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  // A column of journals; to SQLite a keyword that otherwise only stands in statements that cannot be run.
  ["index", '"index"'],
  // LIKE is without regard to case.
  ["ilike", "LIKE"],
]);

/** Everything else stays as it is written: columns without a name are called by their text. */
export function rewritten(sql: string, tokens: readonly Token[]): string {
  let text = "";
  let end = 0;
  for (let index = 0; index < tokens.length;) {
    const step =
      qualifiedName(tokens, index) ??
      timeAgo(tokens, index) ??
      castType(tokens, index) ??
      otherWord(tokens, index) ??
      asItIs(tokens, index);
    const first = tokens[index];
    index += step.length;
    const last = tokens[index - 1];
    text += sql.slice(end, first?.at) + step.text;
    end = (last?.at ?? 0) + (last?.text.length ?? 0);
  }
  return text;
}

function asItIs(tokens: readonly Token[], index: number): Rewriting {
  return { text: tokens[index]?.text ?? "", length: 1 };
}

type Rewriting = { readonly text: string; readonly length: number };

/** `restate.public.view` and `public.view` are the view; `information_schema.tables` is one of ours. */
function qualifiedName(tokens: readonly Token[], start: number): Rewriting | undefined {
  if (isSymbol(tokens[start - 1], ".")) return undefined;
  let at = start;
  if (nameOf(tokens[at]) === CATALOG && isSymbol(tokens[at + 1], ".") && isSymbol(tokens[at + 3], "."))
    at += 2;
  const schema = nameOf(tokens[at]);
  const name = nameOf(tokens[at + 2]);
  if (schema === undefined || !SCHEMAS.has(schema) || !isSymbol(tokens[at + 1], ".") || name === undefined)
    return undefined;
  const view = schema === "public" ? name : `${schema}_${name}`;
  return { text: `"${view.replaceAll('"', '""')}"`, length: at + 3 - start };
}

/** `now() - interval '1 hour'` and `now() - interval '1' hour` */
function timeAgo(tokens: readonly Token[], at: number): Rewriting | undefined {
  if (!isWord(tokens[at], "now")) return undefined;
  const [, open, close, minus, interval, length, unit] = tokens.slice(at, at + 7);
  const isOne = isSymbol(open, "(") && isSymbol(close, ")") && isSymbol(minus, "-");
  if (!isOne || !isWord(interval, "interval") || length?.kind !== "string") return undefined;
  if (unit?.kind !== "word" || !isTimeUnit(unit.text)) return { text: `ago(${length.text})`, length: 6 };
  return { text: `ago(${length.text.slice(0, -1)} ${unit.text}')`, length: 7 };
}

/** In `CAST(x AS STRING)`. SQLite takes any name for a type, and those that it does not know for that of numbers. */
function castType(tokens: readonly Token[], at: number): Rewriting | undefined {
  const type = tokens[at];
  if (type?.kind !== "word" || !isWord(tokens[at - 1], "as") || !isSymbol(tokens[at + 1], ")"))
    return undefined;
  return TEXT_TYPES.has(type.text.toLowerCase()) ? { text: "TEXT", length: 1 } : undefined;
}

/** Words that are called otherwise here. */
function otherWord(tokens: readonly Token[], at: number): Rewriting | undefined {
  const token = tokens[at];
  const text = token?.kind === "word" ? OTHER_WORDS.get(token.text.toLowerCase()) : undefined;
  return text === undefined ? undefined : { text, length: 1 };
}
