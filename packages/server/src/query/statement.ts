/**
 * From the statement that was sent to the one that SQLite runs: exactly one SELECT, with the ways of saying things that
 * Restate's clients use and SQLite does not know. What a statement may read and call is not decided here but by the
 * authorizer, see `snapshot.ts`.
 */
import { invalidQuery } from "./query-task.ts";
import { isSymbol, isWord, nameOf, tokensOf, type Token } from "./tokens.ts";

/** How a statement may begin. */
const BEGINNINGS: ReadonlySet<string> = new Set(["select", "with", "values", "("]);
const CATALOG = "restate";
const SCHEMAS: ReadonlySet<string> = new Set(["public", "information_schema"]);

/** The statement for SQLite. Throws a QueryRefusal for what cannot be one SELECT. */
export function readStatement(sql: string): string {
  const tokens = tokensOf(sql);
  while (isSymbol(tokens.at(-1), ";")) tokens.pop();
  if (tokens.some((token) => isSymbol(token, ";")))
    throw invalidQuery("it is more than one statement", "Send one SELECT at a time.");
  const [first] = tokens;
  if (first === undefined) throw invalidQuery("it is empty");
  const shown = showStatement(tokens);
  if (shown !== undefined) return shown;
  if (!BEGINNINGS.has(first.text.toLowerCase()))
    throw invalidQuery(`it begins with ${shortened(first.text)}, and only SELECT can be run`);
  return rewritten(sql, tokens);
}

/** Texts that a statement has in single quotes. */
export function literalsOf(sql: string): readonly string[] {
  return tokensOf(sql)
    .filter(({ kind }) => kind === "string")
    .map(({ text }) => text.slice(1, -1));
}

/** SHOW TABLES, SHOW COLUMNS FROM view, DESCRIBE view. */
function showStatement(tokens: readonly Token[]): string | undefined {
  const [first, second, third] = tokens;
  const columns = (view: string | undefined): string =>
    `SELECT * FROM information_schema_columns WHERE table_name = '${(view ?? "").replaceAll("'", "''")}'`;
  if (isWord(first, "show") && isWord(second, "tables") && tokens.length === 2)
    return "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema_tables";
  if (isWord(first, "show") && isWord(second, "columns") && isWord(third, "from") && tokens.length === 4)
    return columns(nameOf(tokens[3]));
  if ((isWord(first, "describe") || isWord(first, "desc")) && tokens.length === 2)
    return columns(nameOf(second));
  return undefined;
}

/** Everything else stays as it is written: columns without a name are called by their text. */
function rewritten(sql: string, tokens: readonly Token[]): string {
  let text = "";
  let end = 0;
  for (let index = 0; index < tokens.length;) {
    const step =
      qualifiedName(tokens, index) ??
      timeAgo(tokens, index) ??
      keywordColumn(tokens, index) ??
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

/** `now() - interval '1 hour'` */
function timeAgo(tokens: readonly Token[], at: number): Rewriting | undefined {
  const [now, open, close, minus, interval, length] = tokens.slice(at, at + 6);
  const isOne =
    isWord(now, "now") && isSymbol(open, "(") && isSymbol(close, ")") && isWord(interval, "interval");
  if (!isOne || !isSymbol(minus, "-") || length?.kind !== "string") return undefined;
  return { text: `ago(${length.text})`, length: 6 };
}

/** A column of journals is named as a keyword of SQLite that otherwise only stands in statements that cannot be run. */
function keywordColumn(tokens: readonly Token[], at: number): Rewriting | undefined {
  return isWord(tokens[at], "index") ? { text: '"index"', length: 1 } : undefined;
}

function shortened(text: string): string {
  return text.length > 20 ? `${text.slice(0, 20)}…` : text;
}
