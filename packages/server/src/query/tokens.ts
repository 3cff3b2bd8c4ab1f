/**
 * The words of a statement. SQLite parses it; this only tells where strings, quoted names and comments are, so that what is
 * looked for in a statement is never found inside of them.
 */
import { invalidQuery } from "./query-task.ts";

export type TokenKind = "word" | "quoted" | "string" | "number" | "symbol";

export type Token = {
  readonly kind: TokenKind;
  /** As it stands there. */
  readonly text: string;
  /** Where it begins. */
  readonly at: number;
};

const SPACE = /\s+|--[^\n]*|\/\*[\s\S]*?\*\//y;
const WORD = /[\p{L}_][\p{L}\p{N}_$]*/uy;
const NUMBER = /\d[\w.]*|\.\d\w*/y;
const SYMBOL = /<>|<=|>=|!=|==|\|\||->>|->|<<|>>|[^\s]/uy;
/** Each ends with the character that it begins with, unless that is doubled. */
const QUOTES: Readonly<Record<string, { readonly end: string; readonly kind: TokenKind }>> = {
  "'": { end: "'", kind: "string" },
  '"': { end: '"', kind: "quoted" },
  "`": { end: "`", kind: "quoted" },
};

/** Throws when a string, a name or a comment does not end. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(sql)?.[0];
  };
  while (at < sql.length) {
    const space = match(SPACE);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    if (sql.startsWith("/*", at)) throw invalidQuery("a comment that begins with /* does not end");
    const found = quoted(sql, at) ?? plain(match(WORD), match(NUMBER), match(SYMBOL));
    tokens.push({ ...found, at });
    at += found.text.length;
  }
  return tokens;
}

type Found = Pick<Token, "kind" | "text">;

function plain(word: string | undefined, number: string | undefined, symbol: string | undefined): Found {
  if (word !== undefined) return { kind: "word", text: word };
  if (number !== undefined) return { kind: "number", text: number };
  return { kind: "symbol", text: symbol ?? "" };
}

function quoted(sql: string, at: number): Found | undefined {
  const quote = QUOTES[sql[at] ?? ""];
  if (quote === undefined) return undefined;
  let end = at + 1;
  for (;;) {
    end = sql.indexOf(quote.end, end);
    if (end === -1) throw invalidQuery(`what begins with ${sql.slice(at, at + 20)} does not end`);
    if (sql[end + 1] !== quote.end) break;
    end += 2;
  }
  return { kind: quote.kind, text: sql.slice(at, end + 1) };
}

export function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "word" && token.text.toLowerCase() === word;
}

export function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === "symbol" && token.text === symbol;
}

/** The name that a token is, without its quotes. */
export function nameOf(token: Token | undefined): string | undefined {
  if (token?.kind === "word") return token.text.toLowerCase();
  if (token?.kind !== "quoted") return undefined;
  const quote = token.text[0] ?? "";
  return token.text.slice(1, -1).replaceAll(quote + quote, quote);
}
