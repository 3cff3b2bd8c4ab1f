/**
 * Columns of a result that are conditions, such as `d.id IS NOT NULL AS is_there`. SQLite has no booleans, so its values do
 * not tell; whoever reads typed rows wants true and not 1.
 *
 * Conditions bind weaker than anything that computes: an expression with a comparison outside of brackets and CASE is one as
 * a whole.
 */
import { isSymbol, isWord, nameOf, tokensOf, type Token } from "./tokens.ts";

const COMPARISONS: ReadonlySet<string> = new Set(["=", "==", "<>", "!=", "<", ">", "<=", ">="]);
const CONDITIONS: ReadonlySet<string> = new Set(
  "and between exists glob in is isnull like ilike match not notnull or regexp true false".split(" "),
);
/** What ends a list of columns. */
const LIST_ENDS: ReadonlySet<string> = new Set([
  "from",
  "union",
  "except",
  "intersect",
  "where",
  "order",
  "limit",
]);

/** Of one list; what is behind them is taken for what its values are. */
const COLUMN_TOKENS_MAX = 5_000;

/** Names of the columns that are conditions, in all SELECTs of the statement: an inner one's are often shown by the outer. */
export function conditionNames(sql: string): ReadonlySet<string> {
  const tokens = tokensOf(sql);
  const names = new Set<string>();
  for (const [index, token] of tokens.entries()) {
    if (!isWord(token, "select")) continue;
    for (const column of columnsBehind(tokens, index + 1)) {
      const name = conditionName(sql, column);
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

/** A token of a column, and whether brackets or a CASE are around it. */
type Placed = { readonly token: Token; readonly isInside: boolean };

function columnsBehind(tokens: readonly Token[], start: number): ReadonlyArray<readonly Placed[]> {
  const columns: Placed[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(start, start + COLUMN_TOKENS_MAX)) {
    const isEnd = isSymbol(token, ")") || isWord(token, "end");
    if (isEnd) depth -= 1;
    if (depth < 0 || (depth === 0 && token.kind === "word" && LIST_ENDS.has(token.text.toLowerCase()))) break;
    if (depth === 0 && isSymbol(token, ",")) columns.push([]);
    else columns.at(-1)?.push({ token, isInside: depth > 0 || isEnd });
    if (isSymbol(token, "(") || isWord(token, "case")) depth += 1;
  }
  return columns;
}

function conditionName(sql: string, column: readonly Placed[]): string | undefined {
  const isCondition = column.some(
    ({ token, isInside }) =>
      !isInside &&
      ((token.kind === "symbol" && COMPARISONS.has(token.text)) ||
        (token.kind === "word" && CONDITIONS.has(token.text.toLowerCase()))),
  );
  const first = column[0]?.token;
  const last = column.at(-1)?.token;
  if (!isCondition || first === undefined || last === undefined) return undefined;
  if (isWord(column.at(-2)?.token, "as")) return last.kind === "word" ? last.text : nameOf(last);
  return sql.slice(first.at, last.at + last.text.length);
}
