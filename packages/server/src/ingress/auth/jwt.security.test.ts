/** Tokens that were forged, twisted, borrowed or kept too long. The token must never decide how it is checked. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { beforeEach, describe, it } from "node:test";

import {
  AUDIENCE,
  hmacWith,
  ISSUER,
  keySetDocument,
  pairOf,
  publicJwk,
  signatureBy,
  tokenOf,
  type TokenParts,
} from "./jwt-issuer.contract.ts";
import { JwtVerifier } from "./jwt-verifier.ts";
import { jwtAlgorithms, type JwtRules } from "./jwt.ts";
import { KeySet } from "./key-set.ts";

const START = Date.parse("2030-01-01T00:00:00Z");
const rules: JwtRules = {
  issuer: ISSUER,
  audiences: [AUDIENCE, "other-name"],
  algorithms: jwtAlgorithms,
  clockSkewMs: 60_000,
};

let now: number;
let elapsed: number;
let fetches: number;
let fetchKeys: () => Promise<unknown>;
let warnings: string[];

/** To be called in each suite: hooks outside of one would serve the tests of every file. */
function freshForEachTest(): void {
  beforeEach(() => {
    now = START;
    elapsed = 0;
    fetches = 0;
    warnings = [];
    fetchKeys = () => Promise.resolve(keySetDocument());
  });
}

/** Lets time pass, on both clocks. */
function pass(ms: number): void {
  now += ms;
  elapsed += ms;
}

function verifier(given: Partial<JwtRules> = {}): JwtVerifier {
  const keys = new KeySet({
    fetchKeys: () => {
      fetches += 1;
      return fetchKeys();
    },
    elapsed: () => elapsed,
    onWarning: (message) => warnings.push(message),
  });
  return new JwtVerifier({ ...rules, ...given }, keys, () => now);
}

describe("a token that the issuer signed", () => {
  freshForEachTest();
  for (const algorithm of jwtAlgorithms) {
    it(`with ${algorithm} is valid, and nothing but its own bits is`, async () => {
      const own = verifier();
      const token = tokenOf(algorithm, now);
      assert.equal(await own.verify(token), "ada");
      const [head = "", body = "", tail = ""] = token.split(".");
      const signature = Buffer.from(tail, "base64url");
      // Each bit of a few bytes from all over the signature, and some of what is signed.
      for (const at of [0, 1, signature.length >> 1, signature.length - 1]) {
        for (let bit = 0; bit < 8; bit++) {
          const changed = Buffer.from(signature);
          changed[at] = (changed[at] ?? 0) ^ (1 << bit);
          const forged = `${head}.${body}.${changed.toString("base64url")}`;
          assert.equal(await own.verify(forged), undefined, `byte ${at} bit ${bit}`);
        }
      }
      const other = Buffer.from(body, "base64url").toString().replace('"ada"', '"eve"');
      assert.equal(
        await own.verify(`${head}.${Buffer.from(other).toString("base64url")}.${tail}`),
        undefined,
      );
    });
  }

  it("has one spelling: padding, other alphabets, spare bits and more parts are no tokens", async () => {
    const own = verifier();
    const token = tokenOf("ES256", now);
    const [head = "", body = "", tail = ""] = token.split(".");
    const spare = tail.slice(0, -1) + String.fromCharCode((tail.codePointAt(tail.length - 1) ?? 0) + 1);
    const twisted = [
      `${token}=`,
      `${token}.`,
      `.${token}`,
      `${token}.${tail}`,
      `${head}.${body}`,
      `${head}.${body}.`,
      `${head}..${tail}`,
      `${head}.${body}.${spare}`,
      ` ${token}`,
      token.replaceAll("-", "+").replaceAll("_", "/").replace(".", "..").replace("..", "."),
      `${head}\n.${body}.${tail}`,
    ].filter((each) => each !== token);
    for (const each of twisted) assert.equal(await own.verify(each), undefined, each);
  });
});

describe("a forged token", () => {
  freshForEachTest();
  const pem = pairOf("RS256").publicKey.export({ type: "spki", format: "pem" }).toString();
  const der = pairOf("RS256").publicKey.export({ type: "spki", format: "der" });
  const mine = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const myJwk = { ...mine.publicKey.export({ format: "jwk" }), kid: "mine" };
  const bySelf = signatureBy("RS256", mine.privateKey);
  const none = (): Uint8Array => new Uint8Array(0);
  const forgeries: ReadonlyArray<readonly [what: string, parts: TokenParts]> = [
    ["without a signature", { header: { alg: "none" }, signature: none }],
    ["without a signature, in other letters", { header: { alg: "nOnE" }, signature: none }],
    ["without a signature, with one", { header: { alg: "none" } }],
    ["without an algorithm", { header: { alg: undefined } }],
    ["with a list of algorithms", { header: { alg: ["RS256", "none"] } }],
    ["with HMAC by the public key as PEM", { header: { alg: "HS256" }, signature: hmacWith(pem) }],
    ["with HMAC by the public key as DER", { header: { alg: "HS256" }, signature: hmacWith(der) }],
    ["with HMAC by nothing", { header: { alg: "HS256" }, signature: hmacWith("") }],
    ["with HMAC that says RS256", { signature: hmacWith(pem) }],
    ["with another algorithm than its key's", { header: { alg: "ES256" } }],
    ["with a weaker algorithm of the same key", { header: { alg: "RS1" } }],
    ["with PSS, which is not allowed", { header: { alg: "PS256" } }],
    ["with a key in its header", { header: { jwk: myJwk, kid: "mine" }, signature: bySelf }],
    ["with a key in its header and no id", { header: { jwk: myJwk, kid: undefined }, signature: bySelf }],
    ["with an address of keys", { header: { jku: "https://evil.test/keys" }, signature: bySelf }],
    ["with an address of certificates", { header: { x5u: "https://evil.test/c" }, signature: bySelf }],
    ["with a certificate", { header: { x5c: ["MIIB"] }, signature: bySelf }],
    ["with a path as key id", { header: { kid: "../../../../dev/null" }, signature: hmacWith("") }],
    ["with SQL as key id", { header: { kid: "x' UNION SELECT 'k" }, signature: bySelf }],
    ["with a property's name as key id", { header: { kid: "__proto__" }, signature: bySelf }],
    ["with a key id that is no text", { header: { kid: { toString: 1 } } }],
    ["with a key id without end", { header: { kid: "k".repeat(4_000) } }],
    ["with another key's id", { header: { kid: "key-ES256" } }],
    ["with an extension that must be understood", { header: { crit: ["exp"] } }],
    ["with unencoded payload", { header: { b64: false } }],
    ["with a token inside", { header: { cty: "JWT" } }],
    ["that is an encrypted one", { header: { typ: "JWE" } }],
    ["that is an id token's logout", { header: { typ: "logout+jwt" } }],
    ["by another key", { signature: bySelf }],
    ["with an empty signature of the right length", { signature: () => new Uint8Array(256) }],
  ];
  for (const [what, parts] of forgeries) {
    it(`${what} is refused`, async () => {
      assert.equal(await verifier().verify(tokenOf("RS256", now, parts)), undefined);
    });
  }

  it("of ECDSA with zeros for both numbers, or in DER, is refused", async () => {
    const zeros = tokenOf("ES256", now, { signature: () => new Uint8Array(64) });
    assert.equal(await verifier().verify(zeros), undefined);
    const der70 = tokenOf("ES256", now, { signature: () => new Uint8Array(70).fill(0x30) });
    assert.equal(await verifier().verify(der70), undefined);
  });

  it("that is no token at all is refused without asking for keys", async () => {
    const garbage = [
      "",
      ".",
      "..",
      "...",
      "a.b.c",
      "e30.e30.e30",
      "bnVsbA.bnVsbA.AA",
      "W10.W10.AA",
      "x".repeat(100_000),
    ];
    garbage.push(tokenOf("RS256", now, { claims: { padding: "x".repeat(10_000) } }));
    const deep = Buffer.from('{"a":'.repeat(1_500) + "1" + "}".repeat(1_500)).toString("base64url");
    garbage.push(`${deep}.${deep}.AA`);
    for (const token of garbage) assert.equal(await verifier().verify(token), undefined, token.slice(0, 50));
    assert.equal(fetches, 0);
  });

  it("with a key id that nobody has makes the keys be fetched again, but only once in a while", async () => {
    const own = verifier();
    assert.equal(await own.verify(tokenOf("RS256", now)), "ada");
    pass(31_000);
    const forged = (n: number): string =>
      tokenOf("RS256", now, { header: { kid: `k${n}` }, signature: bySelf });
    await Promise.all(Array.from({ length: 50 }, (_, n) => own.verify(forged(n))));
    for (let n = 0; n < 50; n++) assert.equal(await own.verify(forged(n)), undefined);
    assert.equal(fetches, 2);
  });
});

describe("a token with good signature", () => {
  freshForEachTest();
  const second = START / 1_000;
  const rows: ReadonlyArray<
    readonly [what: string, claims: Record<string, unknown>, expected: string | undefined]
  > = [
    ["for one of several audiences", { aud: ["elsewhere", AUDIENCE] }, "ada"],
    ["for our other name", { aud: "other-name" }, "ada"],
    ["expired within the clocks' difference", { exp: second - 59 }, "ada"],
    ["not yet valid within the clocks' difference", { nbf: second + 59 }, "ada"],
    ["expired", { exp: second - 61 }, undefined],
    ["not yet valid", { nbf: second + 61 }, undefined],
    ["issued in the future", { iat: second + 61 }, undefined],
    ["without an end", { exp: undefined }, undefined],
    ["with an end in text", { exp: String(second + 300) }, undefined],
    ["with null for an end", { exp: null }, undefined],
    ["with a negative end", { exp: -1 }, undefined],
    ["with a beginning in text", { nbf: "0" }, undefined],
    ["of another issuer", { iss: "https://evil.test/" }, undefined],
    ["of an issuer that begins like ours", { iss: `${ISSUER}x` }, undefined],
    ["of several issuers", { iss: [ISSUER] }, undefined],
    ["of no issuer", { iss: undefined }, undefined],
    ["for somebody else", { aud: "elsewhere" }, undefined],
    ["for nobody", { aud: undefined }, undefined],
    ["for an empty list", { aud: [] }, undefined],
    ["for a list in a list", { aud: [[AUDIENCE]] }, undefined],
    ["about nobody", { sub: undefined }, undefined],
    ["about nobody in particular", { sub: "" }, undefined],
    ["about a number", { sub: 7 }, undefined],
    ["about somebody with a line break", { sub: "ada\r\nx-admin: 1" }, undefined],
    ["about somebody without end", { sub: "a".repeat(300) }, undefined],
  ];
  for (const [what, claims, expected] of rows) {
    it(`${what} is ${expected === undefined ? "refused" : "valid"}`, async () => {
      assert.equal(await verifier().verify(tokenOf("EdDSA", now, { claims })), expected);
    });
  }

  it("of an algorithm that is switched off is refused", async () => {
    const own = verifier({ algorithms: ["ES256"] });
    assert.equal(await own.verify(tokenOf("RS256", now)), undefined);
    assert.equal(await own.verify(tokenOf("ES256", now)), "ada");
  });

  it("is remembered for a minute, and not beyond its end", async () => {
    const own = verifier();
    const token = tokenOf("RS256", now, { claims: { exp: second - 30 } });
    assert.equal(own.known(token), undefined);
    assert.equal(await own.verify(token), "ada");
    assert.equal(own.known(token), "ada");
    now += 31_000;
    assert.equal(own.known(token), undefined);
    assert.equal(await own.verify(token), undefined);
  });
});

describe("the issuer's keys", () => {
  freshForEachTest();
  it("may be named by no id when there is one of that algorithm, and not when there are two", async () => {
    const token = tokenOf("RS256", now, { header: { kid: undefined } });
    assert.equal(await verifier().verify(token), "ada");
    const twin = generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey.export({ format: "jwk" });
    fetchKeys = () => Promise.resolve({ keys: [publicJwk("RS256"), twin] });
    assert.equal(await verifier().verify(token), undefined);
  });

  const useless: ReadonlyArray<readonly [what: string, keys: readonly unknown[]]> = [
    ["for encryption", [publicJwk("RS256", { use: "enc" })]],
    ["for another algorithm", [publicJwk("RS256", { alg: "RS512" })]],
    ["for other operations", [publicJwk("RS256", { key_ops: ["encrypt"] })]],
    [
      "with their private half",
      [{ ...pairOf("RS256").privateKey.export({ format: "jwk" }), kid: "key-RS256" }],
    ],
    [
      "of 1024 bits",
      [
        {
          ...generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey.export({ format: "jwk" }),
          kid: "key-RS256",
        },
      ],
    ],
    ["that are secrets", [{ kty: "oct", k: "AAAA", kid: "key-RS256", alg: "HS256" }]],
    ["that cannot be read", [{ kty: "RSA", n: "!", e: 3, kid: "key-RS256" }, null, 7, "x"]],
  ];
  for (const [what, keys] of useless) {
    it(`${what} are no keys`, async () => {
      fetchKeys = () => Promise.resolve({ keys });
      await assert.rejects(verifier().verify(tokenOf("RS256", now)), { code: "authentication-unavailable" });
      assert.equal(warnings.length, 1);
    });
  }

  it("are believed while they cannot be fetched again, for a day, and then no more", async () => {
    const own = verifier();
    assert.equal(await own.verify(tokenOf("ES256", now)), "ada");
    fetchKeys = () => Promise.reject(new Error("down"));
    pass(3_600_000);
    assert.equal(await own.verify(tokenOf("ES256", now)), "ada");
    pass(24 * 3_600_000);
    await assert.rejects(own.verify(tokenOf("ES256", now)), { code: "authentication-unavailable" });
    fetchKeys = () => Promise.resolve(keySetDocument());
    pass(31_000);
    assert.equal(await own.verify(tokenOf("ES256", now)), "ada");
  });

  it("that were withdrawn are believed for ten minutes, and not once more", async () => {
    const own = verifier();
    const token = (): string => tokenOf("ES256", now);
    assert.equal(await own.verify(token()), "ada");
    fetchKeys = () => Promise.resolve({ keys: [publicJwk("EdDSA")] });
    pass(11 * 60_000);
    assert.equal(await own.verify(token()), undefined);
    assert.equal(await own.verify(tokenOf("EdDSA", now)), "ada");
  });

  it("are as old as they are, although the wall clock is set back", async () => {
    const own = verifier();
    assert.equal(await own.verify(tokenOf("ES256", now)), "ada");
    fetchKeys = () => Promise.resolve({ keys: [publicJwk("EdDSA")] });
    now -= 3_600_000;
    elapsed += 11 * 60_000;
    assert.equal(await own.verify(tokenOf("ES256", now)), undefined);
    assert.equal(fetches, 2);
  });
});
