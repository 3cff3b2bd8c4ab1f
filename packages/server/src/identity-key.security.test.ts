import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { HoldfastError } from "@holdfast/protocol";

import { identityKey, identityKeyPath } from "./identity-key.ts";
import { RequestSigner } from "./invoker/request-signer.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-identity-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("a key is made once, readable for its owner alone, and is the same after that", () => {
  const path = identityKeyPath(directory);
  const first = new RequestSigner(identityKey(path), Date.now).publicKey;
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(new RequestSigner(identityKey(path), Date.now).publicKey, first);
  assert.match(first, /^publickeyv1_[A-Za-z0-9_-]{43}$/);
});

test("a key file that others may read is refused, with the command that helps", () => {
  const path = join(directory, "open.pem");
  identityKey(path);
  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    chmodSync(path, mode);
    assert.throws(
      () => identityKey(path),
      (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.equal(error.code, "config-invalid");
        assert.match(`${error.message} ${error.hint}`, /others may read it .*chmod 600/);
        return true;
      },
    );
  }
});

test("a file that holds another kind of key, or none, is refused without quoting it", () => {
  const rsa = generateKeyPairSync("ed448").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  for (const [name, text] of [
    ["other.pem", rsa],
    ["text.pem", "my-secret-text"],
    ["empty.pem", ""],
  ] as const) {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    assert.throws(
      () => identityKey(path),
      (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.match(error.message, /holds no Ed25519 private key/);
        assert.doesNotMatch(`${error.message} ${error.hint}`, /my-secret-text/);
        return true;
      },
    );
    assert.equal(readFileSync(path, "utf8"), text, "left as it was");
  }
});
