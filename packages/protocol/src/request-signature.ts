/**
 * Requests that an engine signs, so that a handler endpoint runs nothing for anybody else. Version 1; why it is made like
 * this, and what it does not protect from, is in docs/decisions/protocol-signed-requests.md.
 *
 * The header holds what the endpoint cannot see by itself; method, authority and path are taken from the request, so that
 * the two sides must mean the same request. There is no choice of algorithm in it: version 1 is Ed25519.
 *
 *     holdfast-signature: v1.<key>.<deployment>.<issued>.<expires>.<nonce>.<body hash>.<channel>.<signature>
 *
 * An upgrade also carries a fresh X25519 share (`channel`). The endpoint answers with one of its own, and from then on what
 * the engine sends comes in records, each with a tag under a key that only these two know.
 */
import { decodeBase64Url, encodeBase64Url } from "./base64url.ts";

export const SIGNATURE_HEADER = "holdfast-signature";
/** In the answer to an upgrade: the endpoint's share. Where it is missing, the endpoint asks for no tags. */
export const CHANNEL_HEADER = "holdfast-channel";
/** A signature is valid for so long after it was made. */
export const SIGNATURE_LIFETIME_MS = 60_000;
/** The clocks of engine and endpoint may differ by so much. */
export const CLOCK_SKEW_MS_MAX = 60_000;
/** SHA-256 of no bytes: neither discovery nor an upgrade has a body. */
export const EMPTY_BODY_HASH = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

const VERSION = "v1";
const KEY_PREFIX = "publickeyv1_";
const NONE = "-";
const KEY_BYTES = 32;
const SHARE_BYTES = 32;
const HASH_BYTES = 32;
const NONCE_BYTES = 16;
const SIGNATURE_BYTES = 64;
const DEPLOYMENT = /^[A-Za-z0-9_-]{1,64}$/;
/** Milliseconds since the Unix epoch, in the one form they are written in. */
const TIME = /^[1-9][0-9]{0,14}$/;

/** The request as each side sees it. */
export type SignedRequest = {
  readonly method: string;
  /** Host and port, as in the Host header. */
  readonly authority: string;
  /** With its query. */
  readonly path: string;
};

export type SignatureClaims = {
  /** The engine's public key as text: it is its own id. */
  readonly key: string;
  /** "" while there is none: discovery comes before registration. */
  readonly deployment: string;
  /** Milliseconds since the Unix epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** 16 random bytes, base64url. */
  readonly nonce: string;
  /** SHA-256 of the body, base64url. */
  readonly bodyHash: string;
  /** The engine's X25519 share, base64url; "" for a request that opens no channel. */
  readonly channel: string;
};

/** A public key of 32 bytes in the form in which people pass it on. */
export function formatPublicKey(bytes: Uint8Array): string {
  return KEY_PREFIX + encodeBase64Url(bytes);
}

/** Reverses `formatPublicKey`; `undefined` for anything else. */
export function parsePublicKey(text: string): Uint8Array | undefined {
  return text.startsWith(KEY_PREFIX) ? bytesOf(text.slice(KEY_PREFIX.length), KEY_BYTES) : undefined;
}

/** What is signed. No field can hold a line break, so no two requests have the same text. */
export function signedText(request: SignedRequest, claims: SignatureClaims): string {
  return [
    "holdfast signed request",
    VERSION,
    claims.key,
    request.method,
    request.authority.toLowerCase(),
    request.path,
    claims.deployment || NONE,
    String(claims.issuedAt),
    String(claims.expiresAt),
    claims.nonce,
    claims.bodyHash,
    claims.channel || NONE,
  ].join("\n");
}

export function formatSignature(claims: SignatureClaims, signature: Uint8Array): string {
  return [
    VERSION,
    claims.key,
    claims.deployment || NONE,
    String(claims.issuedAt),
    String(claims.expiresAt),
    claims.nonce,
    claims.bodyHash,
    claims.channel || NONE,
    encodeBase64Url(signature),
  ].join(".");
}

/** Reads the header. `undefined` for another version and for every form that `formatSignature` does not write. */
export function parseSignature(
  text: string,
): { readonly claims: SignatureClaims; readonly signature: Uint8Array } | undefined {
  const parts = text.split(".");
  if (parts.length !== 9) return undefined;
  const [version, key, deployment, issued, expires, nonce, bodyHash, channel, signed] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const signature = bytesOf(signed, SIGNATURE_BYTES);
  const isWellFormed =
    version === VERSION &&
    parsePublicKey(key) !== undefined &&
    DEPLOYMENT.test(deployment) &&
    TIME.test(issued) &&
    TIME.test(expires) &&
    bytesOf(nonce, NONCE_BYTES) !== undefined &&
    bytesOf(bodyHash, HASH_BYTES) !== undefined &&
    (channel === NONE || bytesOf(channel, SHARE_BYTES) !== undefined);
  if (!isWellFormed || signature === undefined) return undefined;
  return {
    claims: {
      key,
      deployment: deployment === NONE ? "" : deployment,
      issuedAt: Number(issued),
      expiresAt: Number(expires),
      nonce,
      bodyHash,
      channel: channel === NONE ? "" : channel,
    },
    signature,
  };
}

function bytesOf(text: string, length: number): Uint8Array | undefined {
  const bytes = decodeBase64Url(text);
  return bytes?.length === length ? bytes : undefined;
}

/**
 * A record of the channel: length of the payload (4 bytes, big-endian), tag, payload. The tag is the first 16 bytes of
 * HMAC-SHA256 over the record's number on this connection (8 bytes), the length and the payload.
 */
export const RECORD_TAG_BYTES = 16;
export const RECORD_HEADER_BYTES: number = 4 + RECORD_TAG_BYTES;
/** Larger writes are cut: a receiver holds back this much at most before it knows where it came from. */
export const RECORD_PAYLOAD_BYTES_MAX: number = 256 * 1024;

/** What the channel's key is derived for (HKDF's info). Its salt is the SHA-256 of the signed text. */
export function channelInfo(endpointShare: string): string {
  return `holdfast channel v1 engine to endpoint ${endpointShare}`;
}
