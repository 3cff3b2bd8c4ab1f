/** How Restate's SDKs recognise this engine. */
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, verify } from "node:crypto";
import { describe, it } from "node:test";

import { encodeBase58 } from "./base58.ts";
import { IdentitySigner } from "./identity-signer.ts";

const NOW = 1_800_000_000_999;
const keys = [
  {
    pkcs8: "MC4CAQAwBQYDK2VwBCIEIPe++4ZTPQDF81otpoU/mOGHC2vOAVp9WbiCblvn3nXO",
    publicKey: "publickeyv1_AfQwmwfgEZhrWpvv8N52SHpRtZqGGaFr4AZN6qtYWSiY",
  },
  {
    pkcs8: "MC4CAQAwBQYDK2VwBCIEIHsQRVQ+AZX9/Yy1b0Zw+OA+bb7xDxGsAd5kB45jZhoc",
    publicKey: "publickeyv1_ChjENKeMvCtRnqG2mrBK1HmPKufgFUc98K8B3ononQvp",
  },
];

function privateKeyOf(pkcs8: string): ReturnType<typeof createPrivateKey> {
  return createPrivateKey({ key: Buffer.from(pkcs8, "base64"), format: "der", type: "pkcs8" });
}

function read(part: string | undefined): unknown {
  return JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8"));
}

describe("a signed request", () => {
  for (const { pkcs8, publicKey } of keys) {
    const signer = new IdentitySigner(privateKeyOf(pkcs8), () => NOW);

    it(`names the key ${publicKey}`, () => assert.equal(signer.publicKey, publicKey));

    it(`can be verified by who knows ${publicKey}`, () => {
      const headers = signer.headersFor("/invoke/Svc/handler", "some key/é");
      assert.equal(headers["x-restate-signature-scheme"], "v1");
      const [header, claims, signature] = (headers["x-restate-jwt-v1"] ?? "").split(".");
      assert.deepEqual(read(header), { typ: "JWT", alg: "EdDSA", kid: publicKey });
      assert.deepEqual(read(claims), {
        aud: "/invoke/Svc/handler",
        iat: 1_800_000_000,
        nbf: 1_799_999_940,
        exp: 1_800_000_060,
        sub: "some key/é",
      });
      const signed = Buffer.from(`${header}.${claims}`);
      const key = createPublicKey(privateKeyOf(pkcs8));
      assert.ok(verify(null, signed, key, Buffer.from(signature ?? "", "base64url")));
    });
  }

  it("has a subject only where there is a key", () => {
    const signer = new IdentitySigner(privateKeyOf(keys[0]?.pkcs8 ?? ""), () => NOW);
    const [, claims] = (signer.headersFor("/discover", "")["x-restate-jwt-v1"] ?? "").split(".");
    assert.ok(!("sub" in (read(claims) as object)));
  });
});

it("base 58 keeps leading zeros, and writes no bytes as nothing", () => {
  assert.equal(encodeBase58(new Uint8Array(0)), "");
  assert.equal(encodeBase58(Uint8Array.of(0, 0, 1)), "112");
  assert.equal(encodeBase58(Uint8Array.of(255)), "5Q");
  assert.equal(encodeBase58(new TextEncoder().encode("Hello World!")), "2NEpo7TZRRrLZSi2U");
});
