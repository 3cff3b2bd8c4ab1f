/** Tokens of an issuer. One that was verified is remembered for a moment: a signature costs more than a whole call. */
import { hash } from "node:crypto";

import { isSignedWith, parseJwt, subjectOf, type JwtRules } from "./jwt.ts";
import type { KeySet } from "./key-set.ts";
import type { TokenVerifier } from "./principal.ts";

/** Also how long a key that was withdrawn may still be believed through a token that was seen. */
const REMEMBERED_MS = 60_000;
const REMEMBERED_MAX = 10_000;

export class JwtVerifier implements TokenVerifier {
  readonly #rules: JwtRules;
  readonly #keys: KeySet;
  readonly #now: () => number;
  /** By digest, oldest first. */
  readonly #remembered = new Map<string, { readonly principal: string; readonly until: number }>();

  constructor(rules: JwtRules, keys: KeySet, now: () => number) {
    this.#rules = rules;
    this.#keys = keys;
    this.#now = now;
  }

  known(token: string): string | undefined {
    const digest = digestOf(token);
    const seen = this.#remembered.get(digest);
    if (seen !== undefined && seen.until > this.#now()) return seen.principal;
    this.#remembered.delete(digest);
    return undefined;
  }

  async verify(token: string): Promise<string | undefined> {
    const jwt = parseJwt(token, this.#rules);
    const subject = jwt === undefined ? undefined : subjectOf(jwt.claims, this.#rules, this.#now());
    // What cannot be valid is told without asking the issuer for its keys.
    if (jwt === undefined || subject === undefined) return undefined;
    const key = await this.#keys.find(jwt.algorithm, jwt.keyId);
    if (key === undefined || !isSignedWith(jwt, key)) return undefined;
    const until = Math.min(subject.expiresAt + this.#rules.clockSkewMs, this.#now() + REMEMBERED_MS);
    this.#remember(digestOf(token), { principal: subject.principal, until });
    return subject.principal;
  }

  #remember(digest: string, seen: { readonly principal: string; readonly until: number }): void {
    this.#remembered.set(digest, seen);
    if (this.#remembered.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function digestOf(token: string): string {
  return hash("sha256", token, "base64");
}
