import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import {
  deterministicUuid,
  formatAwakeableId,
  formatDeploymentId,
  formatInvocationId,
  newRawInvocationId,
  newUlid,
  parseAwakeableId,
  parseDeploymentId,
  parseInvocationId,
  partitionKeyOf,
  rawInvocationIdOf,
} from "./ids.ts";

const ID = "inv_1foAirY4KKzi4tTP0Tg6aeuiRBSQFCQt9k";
const RAW = "548ae3cba54055b35616a8c03f04b9d5a805b5e7f5e94593";

test("an invocation id has the text of its raw bytes", () => {
  assert.equal(formatInvocationId(bytes(RAW)), ID);
  assert.equal(hex(parseInvocationId(ID)), RAW);
});

test("the smallest and the largest id are padded and bounded", () => {
  const zero = `inv_1${"0".repeat(33)}`;
  assert.equal(formatInvocationId(new Uint8Array(24)), zero);
  assert.equal(hex(parseInvocationId(zero)), "00".repeat(24));
  const largest = formatInvocationId(new Uint8Array(24).fill(0xff));
  assert.equal(hex(parseInvocationId(largest)), "ff".repeat(24));
});

test("partition keys follow from keys", () => {
  assert.equal(hex(partitionKeyOf("k1")), "548ae3cba54055b3");
  assert.equal(hex(partitionKeyOf("w1")), "5164c775648d211b");
});

test("a partition key depends on the UTF-8 of the key, whatever its length", () => {
  for (const length of [0, 1, 100, 340, 341, 342, 5000]) {
    const ascii = "x".repeat(length);
    assert.deepEqual(partitionKeyOf(ascii), partitionKeyOf(Buffer.from(ascii).toString()));
    assert.notDeepEqual(partitionKeyOf(ascii), partitionKeyOf("é".repeat(length + 1)));
  }
});

const DETERMINED: ReadonlyArray<readonly [parts: string, uuid: string, key: string, id: string]> = [
  ["wf,Wf,w1", "fc1b0e11991cc94920918243914fad60", "w1", "inv_12kpUQONmeFb2WqsVOkAjH4phS34cOyIC8"],
  ["wf,s1,Wf,w1", "78c7fd4db9f9712dcbbf42b627eaa582", "s1", "inv_1a1mlWikgvPI3YwPc54r6trJkQiTFOpfSM"],
  [
    "ik,Counter,k1,add,abc",
    "26624768f58dac42b8fc41111d7c79c8",
    "k1",
    "inv_1foAirY4KKzi66hZ0W3CZSmjggN04feGoK",
  ],
];

for (const [parts, uuid, key, id] of DETERMINED) {
  test(`the id of ${parts} is determined`, () => {
    const actual = deterministicUuid(parts.split(","), sha256);
    assert.equal(hex(actual), uuid);
    assert.equal(formatInvocationId(rawInvocationIdOf(partitionKeyOf(key), actual)), id);
  });
}

test("an idempotent call of a plain service has a given partition key", () => {
  const uuid = deterministicUuid(["ik", "Greeter", "greet", "abc"], sha256);
  assert.equal(hex(uuid), "525648514f1d16907a51b00b82a991c2");
  const raw = rawInvocationIdOf(bytes("6b03893edf92a757"), uuid);
  assert.equal(formatInvocationId(raw), "inv_17wAacjsoPkD5V94Uwh9793XSUOPmpouFs");
});

test("a fresh id holds partition key, time and random bytes in that order", () => {
  const random = bytes("0102030405060708090a");
  const raw = newRawInvocationId(bytes("548ae3cba54055b3"), 0x0123_4567_89ab, random);
  assert.equal(hex(raw), "548ae3cba54055b30123456789ab0102030405060708090a");
  assert.equal(hex(newUlid(0xffff_ffff_ffff, random)), "ffffffffffff0102030405060708090a");
});

test("an awakeable id names its invocation and signal", () => {
  const id = formatAwakeableId(ID, 17);
  assert.equal(id, "sign_1VIrjy6VAVbNWFqjAPwS51agFtef16UWTAAAAEQ");
  assert.deepEqual(parseAwakeableId(id), { invocationId: ID, signalIndex: 17 });
});

test("invocation ids survive both ways", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), (raw) => {
      const text = formatInvocationId(raw);
      assert.match(text, /^inv_1[0-9a-zA-Z]{33}$/);
      assert.deepEqual(parseInvocationId(text), raw);
    }),
  );
});

test("deployment ids survive both ways", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (raw) => {
      const text = formatDeploymentId(raw);
      assert.match(text, /^dp_1[0-9a-zA-Z]{22}$/);
      assert.deepEqual(parseDeploymentId(text), raw);
    }),
  );
});

test("an awakeable id may have the padding of its base64, as Restate's SDK for Java writes it", () => {
  const id = formatAwakeableId(ID, 17);
  assert.deepEqual(parseAwakeableId(`${id}==`), { invocationId: ID, signalIndex: 17 });
  for (const text of [`${id}=`, `${id}===`, `${id}====`, `${id.slice(0, -2)}==`, "=="]) {
    assert.equal(parseAwakeableId(text), undefined, text);
  }
});

test("awakeable ids survive both ways", () => {
  const raw = fc.uint8Array({ minLength: 24, maxLength: 24 });
  fc.assert(
    fc.property(raw, fc.nat(0xffff_ffff), (invocation, signalIndex) => {
      const invocationId = formatInvocationId(invocation);
      assert.deepEqual(parseAwakeableId(formatAwakeableId(invocationId, signalIndex)), {
        invocationId,
        signalIndex,
      });
    }),
  );
});

test("any other text is no id", () => {
  const wrong = [
    "",
    "inv_1",
    ID.slice(0, -1),
    `${ID}0`,
    ID.replace("inv_1", "inv_2"),
    ID.replace("inv_1", "dp_1x"),
    ID.replace("K", "-"),
    ID.replace("K", "é"),
    `inv_1${"Z".repeat(33)}`,
    `inv_1${"0".repeat(11)}${"Z".repeat(22)}`,
  ];
  for (const text of wrong) assert.equal(parseInvocationId(text), undefined, text);
  for (const text of ["", "dp_1", `dp_1${"Z".repeat(22)}`, `dp_1${"0".repeat(21)}`, ID]) {
    assert.equal(parseDeploymentId(text), undefined, text);
  }
  const awakeable = formatAwakeableId(ID, 17);
  for (const text of [
    "",
    ID,
    awakeable.slice(0, -1),
    `${awakeable}=`,
    awakeable.replace("j", "+"),
    `${awakeable.slice(0, -1)}R`,
  ]) {
    assert.equal(parseAwakeableId(text), undefined, text);
  }
});

test("a text that is accepted is the only one for its bytes", () => {
  const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const character = fc.constantFrom(...alphabet.split(""));
  fc.assert(
    fc.property(fc.string({ unit: character, minLength: 33, maxLength: 33 }), (characters) => {
      const raw = parseInvocationId(`inv_1${characters}`);
      if (raw !== undefined) assert.equal(formatInvocationId(raw), `inv_1${characters}`);
    }),
  );
});

test("ids of the wrong size are refused", () => {
  assert.throws(() => formatInvocationId(new Uint8Array(23)), RangeError);
  assert.throws(() => newUlid(0, new Uint8Array(9)), RangeError);
  assert.throws(() => formatAwakeableId("inv_1", 17), TypeError);
});

function sha256(input: Uint8Array): Uint8Array {
  return createHash("sha256").update(input).digest();
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

function hex(value: Uint8Array | undefined): string {
  return Buffer.from(value ?? []).toString("hex");
}
