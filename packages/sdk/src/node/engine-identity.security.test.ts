import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { test } from "node:test";

import {
  decodeBase64Url,
  encodeBase64Url,
  formatPublicKey,
  formatSignature,
  parseSignature,
  signedText,
  type SignatureClaims,
  type SignedRequest,
} from "@holdfast/protocol";

import { EngineIdentity, openChannel } from "./engine-identity.ts";
import vector from "./fixtures/signed-request.v1.json" with { type: "json" };

const PKCS8_ED25519 = "302e020100300506032b657004220420";
const { request, claims, text, header } = vector;
const HOUR_MS = 3_600_000;

const privateKey = createPrivateKey({
  key: Buffer.from(PKCS8_ED25519 + vector.seed, "hex"),
  format: "der",
  type: "pkcs8",
});

function identity(
  options: {
    readonly now?: number;
    readonly keys?: readonly string[];
    readonly authorities?: readonly string[];
  } = {},
): EngineIdentity {
  const now = options.now ?? claims.issuedAt;
  return new EngineIdentity(options.keys ?? [claims.key], options.authorities, () => now);
}

/** Signs whatever it is told to, as an attacker with a key of their own, or a faulty engine, could. */
function signed(change: Partial<SignatureClaims>, key = privateKey): string {
  const changed = { ...claims, ...change };
  return formatSignature(changed, sign(null, Buffer.from(signedText(request, changed)), key));
}

function reasonFor(verifier: EngineIdentity, asked: SignedRequest, signature: string | undefined): string {
  const verdict = verifier.verify(asked, signature);
  assert.ok(!verdict.ok, "was accepted");
  return verdict.reason;
}

test("the vector of version 1 is signed and read as it was", () => {
  assert.equal(signedText(request, claims), text);
  assert.equal(formatSignature(claims, sign(null, Buffer.from(text), privateKey)), header);
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  assert.equal(formatPublicKey(Buffer.from(x ?? "", "base64url")), claims.key);
  assert.deepEqual(parseSignature(header)?.claims, claims);
  const verdict = identity().verify(request, header);
  assert.deepEqual(verdict, { ok: true, claims, text });
});

test("a header with any bit changed is refused", () => {
  const bytes = Buffer.from(header, "latin1");
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(identity().verify(request, changed.toString("latin1")).ok, false, `bit ${bit}`);
  }
});

test("a header with a field cut, doubled or swapped with its neighbour is refused", () => {
  const parts = header.split(".");
  for (let index = 0; index < parts.length; index++) {
    const without = parts.toSpliced(index, 1);
    const doubled = parts.toSpliced(index, 0, parts[index] ?? "");
    const swapped = parts
      .with(index, parts[(index + 1) % parts.length] ?? "")
      .with((index + 1) % parts.length, parts[index] ?? "");
    const emptied = parts.with(index, "");
    for (const changed of [without, doubled, swapped, emptied])
      assert.equal(identity().verify(request, changed.join(".")).ok, false, changed.join("."));
  }
});

test("a signature counts for the request it was made for and no other", () => {
  const others: SignedRequest[] = [
    { ...request, method: "POST" },
    { ...request, method: "get" },
    { ...request, authority: "other.internal:9080" },
    { ...request, authority: "handlers.internal:9081" },
    { ...request, path: "/app/discover?zone=a" },
    { ...request, path: "/holdfast?zone=a" },
    { ...request, path: "/app/holdfast" },
    { ...request, path: `${request.path}&more` },
  ];
  for (const other of others)
    assert.match(reasonFor(identity(), other, header), /signed for another request/, JSON.stringify(other));
});

test("every claim is covered by the signature", () => {
  const other: SignatureClaims = {
    key: formatPublicKey(new Uint8Array(32).fill(7)),
    deployment: "dp_other",
    issuedAt: claims.issuedAt + 1,
    expiresAt: claims.expiresAt - 1,
    nonce: encodeBase64Url(new Uint8Array(16)),
    bodyHash: encodeBase64Url(new Uint8Array(32)),
    channel: encodeBase64Url(new Uint8Array(32).fill(9)),
  };
  const signature = parseSignature(header)?.signature;
  assert.ok(signature);
  for (const field of Object.keys(claims) as Array<keyof SignatureClaims>) {
    const forged = formatSignature({ ...claims, [field]: other[field] }, signature);
    assert.equal(identity({ keys: [claims.key, other.key] }).verify(request, forged).ok, false, field);
  }
});

test("a request that is not signed, or by a key that was not given, is refused", () => {
  assert.match(reasonFor(identity(), request, undefined), /not signed/);
  const stranger = formatPublicKey(new Uint8Array(32).fill(1));
  assert.match(reasonFor(identity({ keys: [stranger] }), request, header), /none of identityKeys/);
});

test("there is no weaker version and no other algorithm to be talked into", () => {
  const rest = header.slice(header.indexOf("."));
  const tokenLike = (head: object): string =>
    `${Buffer.from(JSON.stringify(head)).toString("base64url")}.${Buffer.from(JSON.stringify({ aud: request.path })).toString("base64url")}.`;
  const attempts = [
    `v0${rest}`,
    `v2${rest}`,
    `V1${rest}`,
    `${rest.slice(1)}`,
    "v1",
    "",
    ".",
    ".".repeat(8),
    tokenLike({ alg: "none" }),
    tokenLike({ alg: "HS256", kid: claims.key }),
    tokenLike({ alg: "EdDSA", jwk: { kty: "OKP", crv: "Ed25519", x: "AAAA" } }),
    `${header}, ${header}`,
    ` ${header}`,
    `${header} `,
    `${header}=`,
    formatSignature(claims, new Uint8Array(64)),
  ];
  for (const attempt of attempts) assert.equal(identity().verify(request, attempt).ok, false, attempt);
});

test("clocks may differ by a minute and not by more", () => {
  const at = (now: number): boolean => identity({ now }).verify(request, header).ok;
  assert.equal(at(claims.issuedAt - 60_000), true);
  assert.equal(at(claims.issuedAt - 60_001), false);
  assert.equal(at(claims.expiresAt + 59_999), true);
  assert.equal(at(claims.expiresAt + 60_000), false);
  assert.match(reasonFor(identity({ now: claims.expiresAt + HOUR_MS }), request, header), /too old/);
  assert.match(reasonFor(identity({ now: claims.issuedAt - HOUR_MS }), request, header), /from the future/);
});

test("a signature that claims to be valid for hours is refused, though it is genuine", () => {
  const long = signed({ expiresAt: claims.issuedAt + HOUR_MS });
  assert.match(reasonFor(identity(), request, long), /for longer than/);
});

test("a request is heard once", () => {
  const verifier = identity();
  assert.equal(verifier.verify(request, header).ok, true);
  assert.match(reasonFor(verifier, request, header), /was here before/);
  const other = encodeBase64Url(new Uint8Array(16).fill(3));
  assert.equal(verifier.verify(request, signed({ nonce: other })).ok, true);
});

test("what is refused is not remembered: nobody can use up the nonce of a request that is still to come", () => {
  const verifier = identity();
  assert.equal(verifier.verify({ ...request, path: "/other" }, header).ok, false);
  assert.equal(verifier.verify(request, header).ok, true);
});

test("two keys are accepted while one is replaced", () => {
  const newKey = formatPublicKey(new Uint8Array(32).fill(1));
  assert.equal(identity({ keys: [newKey, claims.key] }).verify(request, header).ok, true);
});

test("with identityAuthorities a request for another endpoint is refused whatever its Host header says", () => {
  const named = ["handlers.internal:9080"];
  assert.equal(identity({ authorities: named }).verify(request, header).ok, true);
  const elsewhere = { ...request, authority: "evil.internal:9080" };
  const forElsewhere = formatSignature(
    claims,
    sign(null, Buffer.from(signedText(elsewhere, claims)), privateKey),
  );
  assert.equal(identity().verify(elsewhere, forElsewhere).ok, true);
  assert.match(
    reasonFor(identity({ authorities: named }), elsewhere, forElsewhere),
    /none of identityAuthorities/,
  );
});

test("a request that opens no channel opens no connection", () => {
  const verdict = identity().verify(request, signed({ channel: "" }));
  assert.ok(verdict.ok);
  assert.equal(openChannel(verdict), undefined);
});

test("each connection has a share of its own, so a repeated upgrade could not be continued with old records", () => {
  const verdict = identity().verify(request, header);
  assert.ok(verdict.ok);
  const shares = [openChannel(verdict), openChannel(verdict)].map((channel) => channel?.share ?? "");
  assert.notEqual(shares[0], shares[1]);
  for (const share of shares) assert.equal(decodeBase64Url(share)?.length, 32);
});

test("what is no public key is refused when the endpoint starts", () => {
  for (const wrong of [
    "",
    "publickeyv1_",
    "publickeyv1_AAAA",
    `${claims.key}A`,
    claims.key.slice("publickeyv1_".length),
  ])
    assert.throws(() => identity({ keys: [wrong] }), /no engine's public key/, wrong);
});
