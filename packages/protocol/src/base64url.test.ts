import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from "./base64url.ts";

test("both alphabets agree with Node's", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (input) => {
      assert.equal(encodeBase64(input), Buffer.from(input).toString("base64"));
      assert.equal(encodeBase64Url(input), Buffer.from(input).toString("base64url"));
      assert.deepEqual(decodeBase64(encodeBase64(input)), input);
      assert.deepEqual(decodeBase64Url(encodeBase64Url(input)), input);
    }),
  );
});

test("what another encoder would not have written is refused", () => {
  for (const text of ["A", "AB=", "AB+/", "A B", "AB\n", "éAAA", "AR", "AAB"]) {
    assert.equal(decodeBase64Url(text), undefined, JSON.stringify(text));
  }
  for (const text of ["A", "AA", "AA=", "A===", "=AAA", "AA-_", "AR==", "AAB="]) {
    assert.equal(decodeBase64(text), undefined, JSON.stringify(text));
  }
});
