/** Tokens that the configuration lists. It holds their digests, so that reading it lets nobody in. */
import { hash, timingSafeEqual } from "node:crypto";

import { HoldfastError } from "@holdfast/protocol";

import { isPrincipal, type TokenVerifier } from "./principal.ts";

const DIGEST = /^[0-9a-f]{64}$/i;
const KEY = "ingress.tokens";

type StaticToken = { readonly principal: string; readonly digest: Uint8Array };

export class StaticTokens implements TokenVerifier {
  readonly #tokens: readonly StaticToken[];

  /** `lines`: "principal=sha256 in hex" each. Throws `config-invalid`, without repeating a digest. */
  constructor(lines: readonly string[]) {
    if (lines.length === 0) {
      throw new HoldfastError("config-invalid", {
        key: KEY,
        reason: "ingress.auth is token and there is none",
      });
    }
    this.#tokens = lines.map(readLine);
  }

  /** Looks at all of them, so that how long it takes tells nothing about which one it was or how much of it was right. */
  known(token: string): string | undefined {
    const digest = hash("sha256", token, "buffer");
    let principal: string | undefined;
    for (const each of this.#tokens) if (timingSafeEqual(each.digest, digest)) ({ principal } = each);
    return principal;
  }

  /** What is valid is known. */
  wasValid(): boolean {
    return false;
  }

  verify(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

function readLine(line: string): StaticToken {
  const at = line.lastIndexOf("=");
  const principal = line.slice(0, at);
  const digest = line.slice(at + 1);
  if (at > 0 && isPrincipal(principal) && DIGEST.test(digest)) {
    return { principal, digest: Buffer.from(digest, "hex") };
  }
  const shown = at > 0 ? `the line of "${principal.slice(0, 100)}"` : "a line";
  const reason = `${shown} is not NAME=SHA256, where SHA256 is the digest of the token in 64 hex digits`;
  throw new HoldfastError("config-invalid", { key: KEY, reason });
}
