/** Who calls: the name that a token stands for. */

/** Printable ASCII without spaces, because it also travels as a header. */
const PRINCIPAL = /^[\x21-\x7e]{1,255}$/;

export function isPrincipal(value: unknown): value is string {
  return typeof value === "string" && PRINCIPAL.test(value);
}

/** What tells callers apart by what they show. `verify` may cost a signature; `known` does not. */
export interface TokenVerifier {
  /** The principal of a token that needs no verification (any more). */
  known(token: string): string | undefined;
  /** Whether a token that needs verification was valid the last time and has not expired since: it is hardly an attempt. */
  wasValid(token: string): boolean;
  /** The principal of a token, or undefined when it is not valid. Rejects when that cannot be found out now. */
  verify(token: string): Promise<string | undefined>;
}
