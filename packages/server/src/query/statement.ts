import { rewritten } from "./dialect.ts";
/**
 * From the statement that was sent to the one that SQLite runs: exactly one SELECT, with the ways of saying things that
 * Restate's clients use and SQLite does not know. What a statement may read and call is not decided here but by the
 * authorizer, see `snapshot.ts`.
 */
import { invalidQuery } from "./query-task.ts";
import { isSymbol, isWord, nameOf, tokensOf, type Token } from "./tokens.ts";

/** Room for a thousand ids in a list. */
export const STATEMENT_LENGTH_MAX = 100_000;

/** How a statement may begin. */
const BEGINNINGS: ReadonlySet<string> = new Set(["select", "with", "values", "("]);

/** The statement for SQLite. Throws a QueryRefusal for what cannot be one SELECT. */
export function readStatement(sql: string): string {
  if (sql.length > STATEMENT_LENGTH_MAX)
    throw invalidQuery(`it is longer than ${STATEMENT_LENGTH_MAX} characters`);
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

function shortened(text: string): string {
  return text.length > 20 ? `${text.slice(0, 20)}…` : text;
}
