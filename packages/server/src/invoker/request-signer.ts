/** Signs what the engine sends to handler endpoints. The form is in protocol's request-signature.ts. */
import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  sign,
  type KeyObject,
} from "node:crypto";

import {
  channelInfo,
  decodeBase64Url,
  EMPTY_BODY_HASH,
  encodeBase64Url,
  formatPublicKey,
  formatSignature,
  SIGNATURE_HEADER,
  SIGNATURE_LIFETIME_MS,
  signedText,
  type SignedRequest,
} from "@holdfast/protocol";

import { ChannelSealer } from "./channel-sealer.ts";

const NONCE_BYTES = 16;
const SHARE_BYTES = 32;
const CHANNEL_KEY_BYTES = 32;

export type SignedHeaders = Readonly<Record<string, string>>;

/** An upgrade that was signed, and what its answer makes of it. */
export type SignedUpgrade = {
  readonly headers: SignedHeaders;
  /** Seals what is sent from here on. Throws when the answer's share is none. */
  readonly sealer: (endpointShare: string) => ChannelSealer;
};

export class RequestSigner {
  /** What endpoints are given to recognise this engine by. */
  readonly publicKey: string;
  readonly #privateKey: KeyObject;
  readonly #now: () => number;

  constructor(privateKey: KeyObject, now: () => number) {
    this.#privateKey = privateKey;
    this.#now = now;
    this.publicKey = formatPublicKey(rawPublicKey(createPublicKey(privateKey)));
  }

  /** A request without body that opens no channel. */
  sign(request: SignedRequest): SignedHeaders {
    return this.#sign(request, "", "").headers;
  }

  signUpgrade(request: SignedRequest, deployment: string): SignedUpgrade {
    const own = generateKeyPairSync("x25519");
    const { headers, text } = this.#sign(request, deployment, encodeBase64Url(rawPublicKey(own.publicKey)));
    return {
      headers,
      sealer: (endpointShare) => new ChannelSealer(channelKey(own.privateKey, endpointShare, text)),
    };
  }

  #sign(
    request: SignedRequest,
    deployment: string,
    channel: string,
  ): { readonly headers: SignedHeaders; readonly text: string } {
    const issuedAt = this.#now();
    const claims = {
      key: this.publicKey,
      deployment,
      issuedAt,
      expiresAt: issuedAt + SIGNATURE_LIFETIME_MS,
      nonce: encodeBase64Url(randomBytes(NONCE_BYTES)),
      bodyHash: EMPTY_BODY_HASH,
      channel,
    };
    const text = signedText(request, claims);
    const signature = sign(null, Buffer.from(text), this.#privateKey);
    return { headers: { [SIGNATURE_HEADER]: formatSignature(claims, signature) }, text };
  }
}

/** The Host header that a request to `base` goes out with. Whoever registered it may have set another. */
export function authorityOf(base: URL, headers: Readonly<Record<string, string>>): string {
  const own = Object.entries(headers).find(([name]) => name.toLowerCase() === "host");
  return own?.[1] ?? base.host;
}

/** The key of a channel, bound to the signed request and to both shares. */
function channelKey(own: KeyObject, endpointShare: string, text: string): Uint8Array {
  const share = decodeBase64Url(endpointShare);
  if (share?.length !== SHARE_BYTES) throw new Error("the endpoint's share for the channel is malformed");
  const publicKey = createPublicKey({
    key: { kty: "OKP", crv: "X25519", x: endpointShare },
    format: "jwk",
  });
  const secret = diffieHellman({ privateKey: own, publicKey });
  const salt = createHash("sha256").update(text).digest();
  return new Uint8Array(hkdfSync("sha256", secret, salt, channelInfo(endpointShare), CHANNEL_KEY_BYTES));
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const { x } = key.export({ format: "jwk" });
  const bytes = decodeBase64Url(x ?? "");
  if (bytes === undefined) throw new Error("this is no key of the expected kind");
  return bytes;
}
