import assert from "node:assert/strict";
import { test } from "node:test";

import { xxh3 } from "./xxh3.ts";

// Made with the reference implementation (xxHash compiled to WebAssembly) over `inputOf(length)`: every branch of the
// algorithm and both sides of every border between two.
const VECTORS: ReadonlyArray<readonly [length: number, hash: string]> = [
  [0, "2d06800538d394c2"],
  [1, "d0d496e05c553485"],
  [2, "8dd9a50dc1f3b98f"],
  [3, "cb412fafd0e16539"],
  [4, "4f4b99fe84f2cafd"],
  [5, "d3377086b6f877a3"],
  [8, "33277cb46c5eaeb4"],
  [9, "c6f81e3bea15d8e5"],
  [12, "79df9ef3cc564320"],
  [16, "a647e24121484fc9"],
  [17, "f771e8fe473186fa"],
  [32, "cac09cedfb1bcc28"],
  [33, "037e677f9fff8b56"],
  [64, "3a3f4944035e501b"],
  [65, "8d37ff73f632c68d"],
  [96, "460de5e722176035"],
  [97, "24df67ad97673627"],
  [128, "d177816bc64b1bb4"],
  [129, "765fa4d985fe65ee"],
  [130, "3a4c5d152bb000eb"],
  [200, "25a4e62f71d6c783"],
  [239, "58191ed6a5d3a312"],
  [240, "46e148ac50290d2d"],
  [241, "98aa8179cc71fcb5"],
  [255, "88e10b0766af0cd8"],
  [256, "acc6ad644701a151"],
  [257, "4f91b53b35dd0f51"],
  [1000, "74400067ef559be0"],
  [1023, "54d9d40f4e3f350b"],
  [1024, "0bd018ef80ebcb8f"],
  [1025, "e32bac2d01c31f3b"],
  [1088, "26af857b381bc7ce"],
  [2047, "b26d1bbac58be7c4"],
  [2048, "e3c677abecc68006"],
  [2049, "7ab0cb17e6251822"],
  [5000, "ba962471b7ca058d"],
];

for (const [length, expected] of VECTORS) {
  test(`xxh3 of ${length} bytes agrees with the reference implementation`, () => {
    assert.equal(hex(xxh3(inputOf(length))), expected);
  });
}

test("xxh3 reads nothing outside of a view", () => {
  const surrounded = new Uint8Array(120).fill(0xaa);
  surrounded.set(inputOf(100), 10);
  assert.deepEqual(xxh3(surrounded.subarray(10, 110)), xxh3(inputOf(100)));
});

function inputOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
