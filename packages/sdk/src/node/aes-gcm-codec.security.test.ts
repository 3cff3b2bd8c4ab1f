import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { MessageType } from "@holdfast/protocol";

import { PauseError } from "../errors.ts";
import { drive, errorIn, type DriveOptions } from "../replay/drive.contract.ts";
import type { ValuePlace } from "../replay/environment.ts";
import type { AttemptEnd } from "../replay/fake-engine.ts";
import { echo } from "../replay/replay-programs.ts";
import { aesGcmCodec } from "./aes-gcm-codec.ts";

const KEY = new Uint8Array(32).fill(1);
const OTHER = new Uint8Array(32).fill(2);
const codec = aesGcmCodec({ keys: { a: KEY }, current: "a" });
const step: ValuePlace = { kind: "step", journal: "1f", completionId: 3 };
const secret = { card: "4111 1111 1111 1111", at: new Date(0) };
/** Written by the first version. Never edit: a later version must go on reading it. */
const FIRST_VERSION = '["$encrypted","v1","a","QfinYWPHpyt+eUVEKTE1BG0IO+mM8V9N5okotOHYiVeCJ8qHfw=="]';

const places: readonly ValuePlace[] = [
  step,
  { kind: "step", journal: "1f", completionId: 4 },
  { kind: "step", journal: "20", completionId: 3 },
  { kind: "input", service: "shop", handler: "pay", key: "k" },
  { kind: "input", service: "shop", handler: "pay", key: "l" },
  { kind: "input", service: "shop", handler: "refund", key: "k" },
  { kind: "output", invocationId: "inv_1", service: "shop", handler: "pay", key: "k" },
  { kind: "output", invocationId: "inv_2", service: "shop", handler: "pay", key: "k" },
  { kind: "state", service: "shop", key: "k", name: "x" },
  { kind: "state", service: "shop", key: "k", name: "y" },
  { kind: "state", service: "shop", key: "l", name: "x" },
  { kind: "promise", service: "shop", key: "k", name: "x" },
  { kind: "awakeable", id: "prom_1" },
  { kind: "signal", invocationId: "inv_1", name: "x" },
];

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

test("a value comes back as it was, and its stored form tells nothing of it", () => {
  for (const place of places) {
    const bytes = codec.encode(secret, "it", place);
    assert.deepEqual(codec.decode(bytes, place), secret);
    assert.doesNotMatch(text(bytes), /card|4111/);
    assert.match(text(bytes), /^\["\$encrypted","v1","a",/);
  }
});

test("what the first version wrote is still read", () => {
  assert.deepEqual(
    codec.decode(Buffer.from(FIRST_VERSION), { kind: "state", service: "s", key: "k", name: "n" }),
    "hello 1",
  );
});

test("a value that is moved to any other place does not open there", () => {
  for (const from of places) {
    const bytes = codec.encode(secret, "it", from);
    for (const to of places) {
      if (to === from) continue;
      assert.throws(
        () => codec.decode(bytes, to),
        /moved here from another place/,
        `${JSON.stringify(from)} -> ${JSON.stringify(to)}`,
      );
    }
  }
});

test("an output opens for whoever knows part of its place, if that part is right", () => {
  const bytes = codec.encode(secret, "it", {
    kind: "output",
    invocationId: "inv_1",
    service: "s",
    handler: "h",
    key: "k",
  });
  assert.deepEqual(codec.decode(bytes, { kind: "output", invocationId: "inv_1" }), secret);
  assert.deepEqual(codec.decode(bytes, { kind: "output", service: "s", handler: "h", key: "k" }), secret);
  assert.throws(() => codec.decode(bytes, { kind: "output", invocationId: "inv_2" }), PauseError);
  assert.throws(
    () => codec.decode(bytes, { kind: "output", service: "s", handler: "h", key: "" }),
    PauseError,
  );
  const rewritten = text(bytes).replace("inv_1", "inv_2");
  assert.notEqual(rewritten, text(bytes));
  assert.throws(
    () => codec.decode(Buffer.from(rewritten), { kind: "output", invocationId: "inv_2" }),
    PauseError,
  );
});

test("a call takes the output of the invocation that it made, and not another one's of the same handler and key", async () => {
  const acceptsPlain = aesGcmCodec({ keys: { a: KEY }, current: "a", acceptPlain: ["input"] });
  const outcomeWith = async (invocationId: string): Promise<AttemptEnd> => {
    const place: ValuePlace = { kind: "output", invocationId, service: "echo", handler: "back", key: "" };
    const value = acceptsPlain.encode("approved", "it", place);
    const options: DriveOptions = {
      engine: { callee: () => ({ kind: "value", value }) },
      environment: { codec: acceptsPlain },
    };
    const { engine } = drive((ctx) => ctx.call(echo.back, "x"), options);
    const end = await engine.run();
    // The same when all of it is in the journal from the beginning.
    const replayed = drive((ctx) => ctx.call(echo.back, "x"), {
      ...options,
      engine: {
        ...options.engine,
        journal: engine.journal.filter(({ type }) => type !== MessageType.Output),
      },
    });
    assert.equal((await replayed.engine.run()).kind, end.kind);
    return end;
  };
  assert.equal((await outcomeWith("inv_of_2")).kind, "completed");
  assert.match(errorIn(await outcomeWith("inv_of_3")).message, /moved here from another place/);
});

test("a stored form with any bit changed does not give another value", () => {
  const bytes = codec.encode("hello", "it", step);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    let value: unknown;
    try {
      value = codec.decode(changed, step);
    } catch (error) {
      assert.ok(error instanceof PauseError, String(error));
      continue;
    }
    // Base64 has characters without meaning; what opens is what was written.
    assert.equal(value, "hello");
  }
});

test("a new key is used for what is new, and old values are read with theirs", () => {
  const old = codec.encode(secret, "it", step);
  const rotated = aesGcmCodec({ keys: { a: KEY, b: OTHER }, current: "b" });
  assert.deepEqual(rotated.decode(old, step), secret);
  const fresh = rotated.encode(secret, "it", step);
  assert.match(text(fresh), /"v1","b"/);
  assert.throws(() => codec.decode(fresh, step), /the key "b", which this handler does not have/);
});

test("dropping a key makes its values unreadable, which pauses and loses nothing", () => {
  const bytes = codec.encode(secret, "it", step);
  const without = aesGcmCodec({ keys: { b: OTHER }, current: "b" });
  assert.throws(
    () => without.decode(bytes, step),
    (error) => error instanceof PauseError && /resume/.test(error.message),
  );
});

test("another key under the same id is told apart, and the message does not give the value away", () => {
  const impostor = aesGcmCodec({ keys: { a: OTHER }, current: "a" });
  assert.throws(
    () => impostor.decode(codec.encode(secret, "it", step), step),
    (error) => {
      assert.ok(error instanceof PauseError);
      assert.match(error.message, /another key goes by that id/);
      assert.doesNotMatch(error.message, /4111/);
      return true;
    },
  );
});

test("a key id in the envelope is bound to the value: it cannot be relabelled", () => {
  const both = aesGcmCodec({ keys: { a: KEY, b: KEY }, current: "a" });
  const relabelled = text(both.encode(secret, "it", step)).replace('"v1","a"', '"v1","b"');
  assert.throws(() => both.decode(Buffer.from(relabelled), step), PauseError);
});

test("values in clear are refused, except where they were said to come from outside", () => {
  const plain = Buffer.from('{"amount":5}');
  const input: ValuePlace = { kind: "input", service: "shop", handler: "pay", key: "" };
  assert.throws(() => codec.decode(plain, input), /is not encrypted.*acceptPlain: \["input"\]/s);
  const lenient = aesGcmCodec({ keys: { a: KEY }, current: "a", acceptPlain: ["input"] });
  assert.deepEqual(lenient.decode(plain, input), { amount: 5 });
  assert.throws(() => lenient.decode(plain, step), /is not encrypted/);
});

test("only inputs are the same each time: idempotency keys need that, and nothing else gives equality away", () => {
  for (const place of places) {
    const twice = [codec.encode(secret, "it", place), codec.encode(secret, "it", place)].map(text);
    assert.equal(twice[0] === twice[1], place.kind === "input", place.kind);
  }
  const input = (key: string): ValuePlace => ({ kind: "input", service: "shop", handler: "pay", key });
  const nonces = new Set(
    ["k", "l"].flatMap((key) =>
      ["x", "y"].map((value) => text(codec.encode(value, "it", input(key))).slice(0, 36)),
    ),
  );
  assert.equal(nonces.size, 4, "another value or another place has another nonce");
});

test("keys that cannot be keys are refused when the codec is made", () => {
  assert.throws(() => aesGcmCodec({ keys: { a: randomBytes(16) }, current: "a" }), /must be 32 random bytes/);
  assert.throws(() => aesGcmCodec({ keys: { 'a"': KEY }, current: 'a"' }), /cannot be a key's id/);
  for (const current of ["b", "__proto__", "constructor"])
    assert.throws(() => aesGcmCodec({ keys: { a: KEY }, current }), /none of keys/, current);
});
