/** An issuer of tokens for tests: keys of each kind, the set of their public halves, and tokens good and forged. */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

import type { JwtAlgorithm } from "./jwt.ts";

export type TokenParts = {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Instead of a signature by the header's key. */
  readonly signature?: (signed: Buffer) => Uint8Array;
};

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

export const ISSUER = "https://issuer.test/";
export const AUDIENCE = "holdfast";

const pairs: Readonly<Record<JwtAlgorithm, Pair>> = {
  RS256: generateKeyPairSync("rsa", { modulusLength: 2_048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
};

export function pairOf(algorithm: JwtAlgorithm): Pair {
  return pairs[algorithm];
}

export function publicJwk(algorithm: JwtAlgorithm, more: Readonly<Record<string, unknown>> = {}): object {
  return { ...pairs[algorithm].publicKey.export({ format: "jwk" }), kid: `key-${algorithm}`, ...more };
}

export function keySetDocument(): { keys: object[] } {
  return {
    keys: (["RS256", "ES256", "EdDSA"] as const).map((algorithm) => publicJwk(algorithm, { use: "sig" })),
  };
}

/** A token of ada's, valid for five minutes, but for what `parts` changes. Claims that are undefined are left out. */
export function tokenOf(algorithm: JwtAlgorithm, nowMs: number, parts: TokenParts = {}): string {
  const now = Math.floor(nowMs / 1_000);
  const header = { alg: algorithm, typ: "JWT", kid: `key-${algorithm}`, ...parts.header };
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: now, exp: now + 300, ...parts.claims };
  const signed = Buffer.from(`${encode(header)}.${encode(claims)}`);
  const signature = (parts.signature ?? signatureBy(algorithm))(signed);
  return `${signed.toString()}.${Buffer.from(signature).toString("base64url")}`;
}

export function signatureBy(algorithm: JwtAlgorithm, key = pairs[algorithm].privateKey) {
  return (signed: Buffer): Uint8Array =>
    algorithm === "EdDSA"
      ? sign(null, signed, key)
      : sign("sha256", signed, algorithm === "ES256" ? { key, dsaEncoding: "ieee-p1363" } : key);
}

/** HMAC with what everybody knows: the attack on verifiers that let the token choose the algorithm. */
export function hmacWith(secret: string | Uint8Array) {
  return (signed: Buffer): Uint8Array => createHmac("sha256", secret).update(signed).digest();
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
