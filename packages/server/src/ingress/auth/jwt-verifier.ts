/**
 * Tokens of an issuer. One that was verified is believed for a moment: a signature costs more than a whole call. It is
 * remembered for longer, because its caller should not suffer from what others send.
 */
import { hash } from "node:crypto";

import { isSignedWith, parseJwt, subjectOf, type JwtRules } from "./jwt.ts";
import type { KeySet } from "./key-set.ts";
import type { TokenVerifier } from "./principal.ts";

/** Also how long a key that was withdrawn may still be believed through a token that was seen. */
const BELIEVED_MS = 60_000;
const REMEMBERED_MAX = 10_000;

/** Times are of the wall clock, ms. */
type Remembered = {
  readonly principal: string;
  /** Until then it needs no verification. */
  readonly believedUntil: number;
  readonly expiresAt: number;
};

export class JwtVerifier implements TokenVerifier {
  readonly #rules: JwtRules;
  readonly #keys: KeySet;
  readonly #now: () => number;
  /** Valid tokens by digest; first the one whose last verification is longest ago. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(rules: JwtRules, keys: KeySet, now: () => number) {
    this.#rules = rules;
    this.#keys = keys;
    this.#now = now;
  }

  known(token: string): string | undefined {
    const seen = this.#remembered.get(digestOf(token));
    return seen !== undefined && seen.believedUntil > this.#now() ? seen.principal : undefined;
  }

  wasValid(token: string): boolean {
    const seen = this.#remembered.get(digestOf(token));
    return seen !== undefined && seen.expiresAt > this.#now();
  }

  async verify(token: string): Promise<string | undefined> {
    const digest = digestOf(token);
    const seen = await this.#verify(token);
    // Deleted also before it is remembered anew, so that it goes to the end of the line.
    this.#remembered.delete(digest);
    if (seen !== undefined) this.#remember(digest, seen);
    return seen?.principal;
  }

  async #verify(token: string): Promise<Remembered | undefined> {
    const jwt = parseJwt(token, this.#rules);
    const subject = jwt === undefined ? undefined : subjectOf(jwt.claims, this.#rules, this.#now());
    // What cannot be valid is told without asking the issuer for its keys.
    if (jwt === undefined || subject === undefined) return undefined;
    const key = await this.#keys.find(jwt.algorithm, jwt.keyId);
    if (key === undefined || !isSignedWith(jwt, key)) return undefined;
    const expiresAt = subject.expiresAt + this.#rules.clockSkewMs;
    const believedUntil = Math.min(expiresAt, this.#now() + BELIEVED_MS);
    return { principal: subject.principal, believedUntil, expiresAt };
  }

  #remember(digest: string, seen: Remembered): void {
    this.#remembered.set(digest, seen);
    if (this.#remembered.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function digestOf(token: string): string {
  return hash("sha256", token, "base64");
}
