/** JSON of strangers: what `JSON.parse` lets pass although it cannot be meant, and how deep it may go. */

export type JsonProblem = string;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Text of bytes that must be UTF-8, or undefined. A byte order mark at the beginning is dropped. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Keys of all objects of a text together. */
export const JSON_KEYS_MAX = 250_000;

/**
 * What of a text is too much: arrays and objects that lie deeper in each other than `depthMax`, or keys. To be asked before
 * it is parsed: five million brackets take the parser seconds, in which nobody else is served. `text` need not be JSON.
 */
export function excessOf(text: string, depthMax: number): "depth" | "keys" | undefined {
  // Every level takes two characters, so short texts need no look.
  if (text.length <= 2 * depthMax) return undefined;
  let depth = 0;
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        if (depth > depthMax) return "depth";
        break;
      case COLON:
        keys += 1;
        if (keys > JSON_KEYS_MAX) return "keys";
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        break;
      default:
    }
  }
  return undefined;
}

/** The same as the end of a sentence about the text: "is nested deeper than …". */
export function excessReason(text: string, depthMax: number): string | undefined {
  switch (excessOf(text, depthMax)) {
    case "depth":
      return `is nested deeper than ${depthMax} levels`;
    case "keys":
      return `has more than ${JSON_KEYS_MAX} keys`;
    case undefined:
      return undefined;
  }
}

/** The first key that an object of `text` has twice, or that is "__proto__". `text` is valid JSON. */
export function suspiciousKey(text: string): JsonProblem | undefined {
  /** Keys of the enclosing objects seen so far; undefined for an array. */
  const enclosing: Array<Set<string> | undefined> = [];
  let isKey = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      const end = endOfString(text, at);
      if (isKey) {
        const key = JSON.parse(text.slice(at, end + 1)) as string;
        const keys = enclosing.at(-1);
        if (keys?.has(key) === true) return `the key "${key}" occurs twice in one object`;
        if (key === "__proto__") return `the key "__proto__" is not accepted`;
        keys?.add(key);
        isKey = false;
      }
      at = end;
    } else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      enclosing.push(unit === OPEN_BRACE ? new Set() : undefined);
      isKey = unit === OPEN_BRACE;
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) {
      enclosing.pop();
      isKey = false;
    } else if (unit === COMMA) {
      isKey = enclosing.at(-1) !== undefined;
    }
  }
  return undefined;
}

/** Index of the quote that closes the string that begins at `at`. Looks for quotes only: long texts are mostly strings. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    // Two backslashes are one; an odd one is the quote's.
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
