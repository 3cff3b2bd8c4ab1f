/**
 * Tells the engines that may run handlers here from everybody else: checks the signature of a request, and what comes over
 * the connection that it opened. The form is in protocol's request-signature.ts.
 */
import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  verify,
  type KeyObject,
} from "node:crypto";

import {
  channelInfo,
  CLOCK_SKEW_MS_MAX,
  EMPTY_BODY_HASH,
  encodeBase64Url,
  parsePublicKey,
  parseSignature,
  SIGNATURE_LIFETIME_MS,
  signedText,
  type SignatureClaims,
  type SignedRequest,
} from "@holdfast/protocol";

import { ChannelOpener } from "./channel-opener.ts";

/** Nonces of requests that could still be repeated. Only a trusted engine's requests get in here. */
const NONCES_MAX = 100_000;
const CHANNEL_KEY_BYTES = 32;

export type Verdict =
  | { readonly ok: true; readonly claims: SignatureClaims; readonly text: string }
  | { readonly ok: false; readonly reason: string };

/** An answered upgrade: the share to answer with, and what opens the engine's records. */
export type OpenedChannel = { readonly share: string; readonly opener: ChannelOpener };

export class EngineIdentity {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #authorities: ReadonlySet<string> | undefined;
  readonly #now: () => number;
  /** Nonces that were seen, with the time from which their request would be too old anyway. */
  readonly #seen = new Map<string, number>();

  /**
   * @param keys Public keys of the engines, as `holdfast version --server` shows them. More than one while a key is replaced.
   * @param authorities What engines may call this endpoint by, as "host:port". Default: what the Host header says.
   */
  constructor(keys: readonly string[], authorities: readonly string[] | undefined, now: () => number) {
    this.#keys = new Map(keys.map((text) => [text, importKey(text)]));
    this.#authorities =
      authorities === undefined ? undefined : new Set(authorities.map((name) => name.toLowerCase()));
    this.#now = now;
  }

  /** Whether a request without body comes from one of the engines, is meant for here, and is here for the first time. */
  verify(request: SignedRequest, header: string | undefined): Verdict {
    if (header === undefined) return refuse("the request is not signed");
    const parsed = parseSignature(header);
    if (parsed === undefined) return refuse("its signature has another form than version 1");
    const { claims, signature } = parsed;
    const key = this.#keys.get(claims.key);
    if (key === undefined) return refuse(`it is signed with ${claims.key}, which is none of identityKeys`);
    if (claims.bodyHash !== EMPTY_BODY_HASH) return refuse("it is signed for a body");
    if (this.#authorities?.has(request.authority.toLowerCase()) === false)
      return refuse(
        `it is meant for ${JSON.stringify(request.authority)}, which is none of identityAuthorities`,
      );
    const text = signedText(request, claims);
    if (!verify(null, new TextEncoder().encode(text), key, signature))
      return refuse("its signature does not fit: it was signed for another request, or changed on the way");
    const late = this.#timeProblem(claims);
    if (late !== undefined) return refuse(late);
    return this.#isRepeated(claims) ? refuse("it was here before") : { ok: true, claims, text };
  }

  #timeProblem({ issuedAt, expiresAt }: SignatureClaims): string | undefined {
    const now = this.#now();
    if (expiresAt - issuedAt > SIGNATURE_LIFETIME_MS)
      return "it claims to be valid for longer than a signature may be";
    if (now >= expiresAt + CLOCK_SKEW_MS_MAX) return `it is too old: it expired ${now - expiresAt} ms ago`;
    if (now < issuedAt - CLOCK_SKEW_MS_MAX)
      return `it is from the future: by the clock of this machine it was signed in ${issuedAt - now} ms`;
    return undefined;
  }

  /** Looked at last, so that only what is genuine is remembered. */
  #isRepeated({ nonce, expiresAt }: SignatureClaims): boolean {
    const now = this.#now();
    if (this.#seen.has(nonce)) return true;
    if (this.#seen.size >= NONCES_MAX) {
      for (const [old, until] of this.#seen) if (until <= now) this.#seen.delete(old);
      // More than a trusted engine ever dials: what cannot be remembered cannot be told from a repetition.
      if (this.#seen.size >= NONCES_MAX) return true;
    }
    this.#seen.set(nonce, expiresAt + CLOCK_SKEW_MS_MAX);
    return false;
  }
}

/** Answers the share in a verified upgrade. `undefined` when it brought none: nothing of it could be told from an intruder's. */
export function openChannel({ claims, text }: Extract<Verdict, { ok: true }>): OpenedChannel | undefined {
  if (claims.channel === "") return undefined;
  const own = generateKeyPairSync("x25519");
  const share = own.publicKey.export({ format: "jwk" }).x ?? "";
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x: claims.channel }, format: "jwk" });
  const secret = diffieHellman({ privateKey: own.privateKey, publicKey });
  const salt = createHash("sha256").update(text).digest();
  const key = hkdfSync("sha256", secret, salt, channelInfo(share), CHANNEL_KEY_BYTES);
  return { share, opener: new ChannelOpener(new Uint8Array(key)) };
}

function importKey(text: string): KeyObject {
  const bytes = parsePublicKey(text);
  if (bytes === undefined) {
    throw new Error(
      `identityKeys holds ${JSON.stringify(text.slice(0, 80))}, which is no engine's public key. ` +
        "One begins with publickeyv1_; `holdfast version --server` shows it.",
    );
  }
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: encodeBase64Url(bytes) }, format: "jwk" });
}

function refuse(reason: string): Verdict {
  return { ok: false, reason };
}
