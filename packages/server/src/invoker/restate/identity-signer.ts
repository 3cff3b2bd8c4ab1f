/** Lets Restate's SDKs recognise this engine: each request carries a short-lived JWT, signed with the engine's identity key. */
import { createPublicKey, sign, type KeyObject } from "node:crypto";

import { encodeBase64Url } from "@holdfast/protocol";

import { encodeBase58 } from "./base58.ts";

const KEY_PREFIX = "publickeyv1_";
/** A token counts for so long before and after it was made, in seconds. */
const VALIDITY_S = 60;

export class IdentitySigner {
  /** What SDKs are given to recognise this engine by. */
  readonly publicKey: string;
  readonly #privateKey: KeyObject;
  readonly #now: () => number;
  readonly #header: string;

  /** `privateKey` is an Ed25519 key, `now` in milliseconds since the Unix epoch. */
  constructor(privateKey: KeyObject, now: () => number) {
    this.#privateKey = privateKey;
    this.#now = now;
    const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
    this.publicKey = KEY_PREFIX + encodeBase58(Buffer.from(x, "base64url"));
    this.#header = base64UrlJson({ typ: "JWT", alg: "EdDSA", kid: this.publicKey });
  }

  /** `path` is without what the deployment's own URL puts before it, and `key` that of the service, "" where there is none. */
  headersFor(path: string, key: string): Readonly<Record<string, string>> {
    const now = Math.floor(this.#now() / 1_000);
    const claims = {
      aud: path,
      exp: now + VALIDITY_S,
      iat: now,
      nbf: now - VALIDITY_S,
      ...(key === "" ? {} : { sub: key }),
    };
    const signed = `${this.#header}.${base64UrlJson(claims)}`;
    const signature = encodeBase64Url(sign(null, Buffer.from(signed), this.#privateKey));
    return { "x-restate-signature-scheme": "v1", "x-restate-jwt-v1": `${signed}.${signature}` };
  }
}

function base64UrlJson(value: object): string {
  return encodeBase64Url(Buffer.from(JSON.stringify(value)));
}
