/**
 * Signed tokens (RFC 7519, 7515). The token does not choose how it is checked: which algorithms, whose keys and which
 * claims count is configuration, and whatever its header says beyond algorithm and key id is not looked at.
 */
import { verify, type KeyObject } from "node:crypto";

import { isPrincipal } from "./principal.ts";

export type JwtAlgorithm = "RS256" | "ES256" | "EdDSA";

export const jwtAlgorithms: readonly JwtAlgorithm[] = ["RS256", "ES256", "EdDSA"];

export type JwtRules = {
  readonly issuer: string;
  /** The token must be meant for one of these. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly JwtAlgorithm[];
  readonly clockSkewMs: number;
};

export type Jwt = {
  readonly algorithm: JwtAlgorithm;
  readonly keyId: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
};

export type JwtSubject = {
  readonly principal: string;
  /** Wall clock, ms. */
  readonly expiresAt: number;
};

const TOKEN_LENGTH_MAX = 8_192;
const KEY_ID_LENGTH_MAX = 200;
const SIGNATURE_BYTES: Readonly<Record<"ES256" | "EdDSA", number>> = { ES256: 64, EdDSA: 64 };
/** RFC 9068 for access tokens; the first is what most issuers write. */
const TYPES = new Set(["jwt", "at+jwt", "application/at+jwt"]);

/** Undefined: not a token that could be valid, whatever its signature. */
export function parseJwt(token: string, rules: JwtRules): Jwt | undefined {
  if (token.length > TOKEN_LENGTH_MAX) return undefined;
  const parts = token.split(".");
  const [head = "", body = "", tail = ""] = parts;
  if (parts.length !== 3) return undefined;
  const header = objectOf(head);
  const claims = objectOf(body);
  const signature = bytesOf(tail);
  if (header === undefined || claims === undefined || signature === undefined) return undefined;
  const { alg, kid, typ } = header;
  const algorithm = rules.algorithms.find((allowed) => allowed === alg);
  if (algorithm === undefined) return undefined;
  // Extensions that must be understood, and tokens inside of tokens.
  if (header["crit"] !== undefined || header["b64"] !== undefined || header["cty"] !== undefined)
    return undefined;
  if (typ !== undefined && !(typeof typ === "string" && TYPES.has(typ.toLowerCase()))) return undefined;
  if (kid !== undefined && !(typeof kid === "string" && kid.length <= KEY_ID_LENGTH_MAX)) return undefined;
  const signed = Buffer.from(`${head}.${body}`, "latin1");
  return { algorithm, keyId: kid, claims, signed, signature };
}

/** Whom the claims name, or undefined when they do not hold `now`. */
export function subjectOf(claims: Jwt["claims"], rules: JwtRules, now: number): JwtSubject | undefined {
  const { iss, aud, sub, exp, nbf, iat } = claims;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (iss !== rules.issuer || !isPrincipal(sub)) return undefined;
  if (!audiences.some((audience) => rules.audiences.includes(audience as string))) return undefined;
  const expiresAt = timeOf(exp);
  if (expiresAt === undefined || expiresAt + rules.clockSkewMs <= now) return undefined;
  for (const begin of [nbf, iat]) {
    if (begin === undefined) continue;
    const at = timeOf(begin);
    if (at === undefined || at - rules.clockSkewMs > now) return undefined;
  }
  return { principal: sub, expiresAt };
}

/** `key` is one that is meant for the token's algorithm, see `KeySet`. */
export function isSignedWith({ algorithm, signed, signature }: Jwt, key: KeyObject): boolean {
  switch (algorithm) {
    case "RS256":
      return verify("sha256", signed, key, signature);
    case "ES256":
      if (signature.length !== SIGNATURE_BYTES.ES256) return false;
      return verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
    case "EdDSA":
      return signature.length === SIGNATURE_BYTES.EdDSA && verify(null, signed, key, signature);
  }
}

/** Seconds of a claim as milliseconds. */
function timeOf(seconds: unknown): number | undefined {
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds >= 0
    ? seconds * 1_000
    : undefined;
}

function objectOf(part: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = bytesOf(part);
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return { __proto__: null, ...value };
}

/** Base64url in its one canonical form: a bit that the decoder would ignore must not make a second token of one. */
function bytesOf(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, "base64url");
  return part !== "" && bytes.toString("base64url") === part ? bytes : undefined;
}
