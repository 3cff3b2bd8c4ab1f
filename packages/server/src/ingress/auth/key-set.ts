/**
 * The public keys of an issuer, from the one address that is configured. Tokens choose among them by id; an id that is not
 * there makes the set be fetched again, but not more often than the interval allows, whatever callers send.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";

import { HoldfastError } from "@holdfast/protocol";

import type { JwtAlgorithm } from "./jwt.ts";

/** The document at the configured address, parsed. Rejects when it cannot be had. */
export type FetchKeys = () => Promise<unknown>;

export type KeySetOptions = {
  readonly fetchKeys: FetchKeys;
  /** Steady clock, ms: a wall clock that is set back would keep keys for longer than they are good. */
  readonly elapsed: () => number;
  readonly onWarning: (message: string) => void;
};

type Key = { readonly id: string | undefined; readonly algorithm: JwtAlgorithm; readonly key: KeyObject };

/** Older keys are used only when they cannot be fetched again. */
const FRESH_MS = 10 * 60_000;
/** Keys that could not be fetched again for so long count no more: the issuer may have withdrawn them. */
const USABLE_MS = 24 * 60 * 60_000;
const REFRESH_INTERVAL_MS = 30_000;
const KEYS_MAX = 100;
const RSA_BITS_MIN = 2_048;

export class KeySet {
  readonly #options: KeySetOptions;
  #keys: readonly Key[] = [];
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** The key that a token names; the only one of its algorithm when it names none. Rejects when there are no keys at all. */
  async find(algorithm: JwtAlgorithm, id: string | undefined): Promise<KeyObject | undefined> {
    const found = this.#lookUp(algorithm, id);
    if (found !== undefined && this.#age() <= FRESH_MS) return found;
    // Waited for although there may be a key: after a quiet night it may long have been withdrawn.
    await this.#refresh();
    if (this.#age() > USABLE_MS) this.#keys = [];
    if (this.#keys.length === 0) throw new HoldfastError("authentication-unavailable");
    return this.#lookUp(algorithm, id);
  }

  #age(): number {
    return this.#options.elapsed() - this.#fetchedAt;
  }

  #lookUp(algorithm: JwtAlgorithm, id: string | undefined): KeyObject | undefined {
    const candidates = this.#keys.filter((key) => key.algorithm === algorithm);
    if (id !== undefined) return candidates.find((key) => key.id === id)?.key;
    return candidates.length === 1 ? candidates[0]?.key : undefined;
  }

  /** Never rejects. Everyone who waits, waits for the same one. */
  #refresh(): Promise<void> {
    if (this.#refreshing !== undefined) return this.#refreshing;
    if (this.#options.elapsed() - this.#triedAt < REFRESH_INTERVAL_MS) return Promise.resolve();
    this.#triedAt = this.#options.elapsed();
    this.#refreshing = this.#fetch().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #fetch(): Promise<void> {
    const { fetchKeys, elapsed, onWarning } = this.#options;
    try {
      this.#keys = keysIn(await fetchKeys());
      this.#fetchedAt = elapsed();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      onWarning(`the keys of ingress.jwt.jwksUrl cannot be had: ${reason}`);
    }
  }
}

/** Those of a set (RFC 7517) that can verify a signature. Throws when there is none. */
function keysIn(document: unknown): readonly Key[] {
  const given = (document as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(given)) throw new Error("it is no set of keys");
  const keys = given.slice(0, KEYS_MAX).flatMap((jwk: unknown) => readKey(jwk) ?? []);
  if (keys.length === 0) throw new Error("it has no key for RS256, ES256 or EdDSA");
  return keys;
}

function readKey(value: unknown): Key | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const jwk = value as JsonWebKey;
  const algorithm = algorithmOf(jwk);
  const isForSigning = jwk["use"] === undefined || jwk["use"] === "sig";
  const operations = jwk["key_ops"];
  const mayVerify = operations === undefined || (Array.isArray(operations) && operations.includes("verify"));
  // A private part has no business in a public set: whoever published it has lost the key.
  if (algorithm === undefined || !isForSigning || !mayVerify || jwk.d !== undefined) return undefined;
  if (jwk["alg"] !== undefined && jwk["alg"] !== algorithm) return undefined;
  try {
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const bits = key.asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN;
    const id = typeof jwk["kid"] === "string" ? jwk["kid"] : undefined;
    return bits < RSA_BITS_MIN ? undefined : { id, algorithm, key };
  } catch {
    // One that cannot be read does not spoil the others.
    return undefined;
  }
}

/** A key belongs to one algorithm, so that no token can have it used by another. */
function algorithmOf({ kty, crv }: JsonWebKey): JwtAlgorithm | undefined {
  if (kty === "RSA") return "RS256";
  if (kty === "EC" && crv === "P-256") return "ES256";
  return kty === "OKP" && crv === "Ed25519" ? "EdDSA" : undefined;
}
