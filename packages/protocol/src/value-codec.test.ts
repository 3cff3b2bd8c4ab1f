import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import fc from "fast-check";

import {
  decodeValue,
  encodeValue,
  registerErrorClass,
  UnstorableValueError,
  ValueDecodeError,
} from "./value-codec.ts";

// -- round trips -----------------------------------------------------------------------------------------------------

test("JSON is written exactly as JSON.stringify writes it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = textOf(encodeValue(value));
      if (!text.includes('"$')) assert.equal(text, JSON.stringify(value));
    }),
  );
  assert.equal(
    textOf(encodeValue({ a: 1, b: undefined, c: [null, "é\ud800"] })),
    '{"a":1,"c":[null,"é\\ud800"]}',
  );
});

test("any storable value comes back as it was", () => {
  const key = fc.oneof(
    fc.string(),
    fc.constantFrom("$date", "$", "$object", "__proto__", "constructor", "toJSON"),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.string(),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.bigInt(),
      fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
      fc.date({ noInvalidDate: false }),
      fc.uint8Array({ maxLength: 20 }),
      fc.float32Array({ maxLength: 4 }),
      fc.bigInt64Array({ maxLength: 4 }),
      fc.webUrl().map((url) => new URL(url)),
      fc.constantFrom(/a"b\/c/giu, /\d+/),
      fc.array(fc.oneof(tie("value"), fc.constant(undefined)), { maxLength: 4 }),
      fc.array(tie("value"), { maxLength: 4 }).map((items) => new Set(items)),
      fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)),
      fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
      fc.tuple(fc.string(), tie("value")).map(([message, cause]) => new RangeError(message, { cause })),
    ),
  }));
  fc.assert(
    fc.property(value, (original) => {
      const bytes = encodeValue(original);
      JSON.parse(textOf(bytes));
      assert.deepStrictEqual(decodeValue(bytes), original);
    }),
    { numRuns: 500 },
  );
});

/** Values with the text they are stored as. The texts are a promise to journals that exist. */
const STORED: ReadonlyArray<readonly [value: unknown, text: string]> = [
  [undefined, ""],
  [null, "null"],
  ["text", '"text"'],
  [new Date(0), '{"$date":"1970-01-01T00:00:00.000Z"}'],
  [new Date(Number.NaN), '{"$date":null}'],
  [10n ** 20n, '{"$bigint":"100000000000000000000"}'],
  [Number.NaN, '{"$number":"NaN"}'],
  [Number.POSITIVE_INFINITY, '{"$number":"Infinity"}'],
  [Number.NEGATIVE_INFINITY, '{"$number":"-Infinity"}'],
  [-0, '{"$number":"-0"}'],
  [[1, undefined, 3], '[1,{"$undefined":true},3]'],
  [
    new Map<unknown, unknown>([
      ["a", 1],
      [{ b: 2 }, undefined],
    ]),
    '{"$map":[["a",1],[{"b":2},{"$undefined":true}]]}',
  ],
  [new Set([1, "a"]), '{"$set":[1,"a"]}'],
  [Uint8Array.of(1, 2, 255), '{"$bytes":"AQL/"}'],
  [Float32Array.of(1.5, -2), '{"$typed":["Float32Array","AADAPwAAAMA="]}'],
  [new BigUint64Array([1n]), '{"$typed":["BigUint64Array","AQAAAAAAAAA="]}'],
  [Uint8Array.of(7, 8).buffer, '{"$typed":["ArrayBuffer","Bwg="]}'],
  [new DataView(Uint8Array.of(7, 8).buffer), '{"$typed":["DataView","Bwg="]}'],
  [new URL("https://example.com/a?b=c#d"), '{"$url":"https://example.com/a?b=c#d"}'],
  [/a\/"b/gi, '{"$regexp":["a\\\\/\\"b","gi"]}'],
  [{ $date: "mine" }, '{"$object":[["$date","mine"]]}'],
  [
    { a: new Date(0), $b: [{ $c: 1 }] },
    '{"$object":[["a",{"$date":"1970-01-01T00:00:00.000Z"}],["$b",[{"$object":[["$c",1]]}]]]}',
  ],
  [{ price: "$5" }, '{"price":"$5"}'],
];

for (const [value, text] of STORED) {
  test(`${text === "" ? "undefined" : text} is stored so and read back`, () => {
    const bytes = encodeValue(value);
    assert.equal(textOf(bytes), text);
    assert.deepStrictEqual(decodeValue(bytes), value);
  });
}

test("undefined properties are dropped, as JSON does", () => {
  assert.equal(
    textOf(encodeValue({ a: undefined, b: 1n, $c: undefined })),
    '{"$object":[["b",{"$bigint":"1"}]]}',
  );
  assert.deepEqual(decodeValue(encodeValue({ a: undefined, b: 1n })), { b: 1n });
});

test("an object without prototype is an object", () => {
  const bare: object = Object.assign(Object.create(null) as object, { a: 1, b: new Date(5) });
  assert.deepStrictEqual(decodeValue(encodeValue(bare)), { a: 1, b: new Date(5) });
});

test("a view is stored without what surrounds it", () => {
  const view = new Uint16Array(Uint16Array.of(1, 2, 3, 4).buffer, 2, 2);
  assert.deepStrictEqual(decodeValue(encodeValue(view)), Uint16Array.of(2, 3));
  assert.deepStrictEqual(decodeValue(encodeValue(Buffer.from("hi"))), new Uint8Array([104, 105]));
});

test("values of another realm are what they are there", () => {
  const foreign: unknown = runInNewContext(
    "({ a: [new Date(5)], m: new Map([[1, new Set([2])]]), e: new TypeError('x') })",
  );
  const { e, ...rest } = decodeValue(encodeValue(foreign)) as { e: Error };
  assert.deepEqual(rest, { a: [new Date(5)], m: new Map([[1, new Set([2])]]) });
  assert.ok(e instanceof TypeError);
});

test("the same object in two places is stored twice", () => {
  const shared = { at: new Date(1) };
  assert.deepStrictEqual(decodeValue(encodeValue([shared, shared])), [shared, shared]);
});

test("results do not overlap, whatever their size", () => {
  const sizes = [0, 10, 2000, 3000, 8000, 20_000, 5];
  const encoded = sizes.map((size) => encodeValue("é".repeat(size)));
  for (const [index, size] of sizes.entries()) {
    assert.equal(decodeValue(encoded[index] ?? new Uint8Array(0)), "é".repeat(size));
  }
});

// -- errors ----------------------------------------------------------------------------------------------------------

test("an error keeps class, message, stack, cause and its own properties", () => {
  const original = Object.assign(new TypeError("wrong", { cause: new Error("inner") }), {
    code: "E_X",
    at: new Date(1),
  });
  const revived = decodeValue(encodeValue(original));
  assert.ok(revived instanceof TypeError);
  assert.deepStrictEqual(revived, original);
  assert.equal(revived.stack, original.stack);
  assert.ok(revived.cause instanceof Error);
  assert.ok(!Object.keys(revived).includes("cause"));
});

test("an aggregate keeps its errors", () => {
  const revived = decodeValue(encodeValue(new AggregateError([new RangeError("a"), "b"], "many")));
  assert.ok(revived instanceof AggregateError);
  assert.ok(revived.errors[0] instanceof RangeError);
  assert.equal(revived.errors[1], "b");
});

test("a class that is not registered comes back as an error of that name", () => {
  class CardDeclined extends Error {
    override readonly name = "CardDeclined";
  }
  const revived = decodeValue(encodeValue(new CardDeclined("no")));
  assert.ok(revived instanceof Error);
  assert.equal(revived.name, "CardDeclined");
  assert.equal(`${revived}`, "CardDeclined: no");
});

test("a registered class comes back as an instance", () => {
  class StockError extends Error {
    readonly left: number;
    constructor(left: number) {
      super("out of stock");
      this.left = left;
    }
  }
  registerErrorClass(StockError, "value-codec-test/StockError");
  const revived = decodeValue(encodeValue(new StockError(3)));
  assert.ok(revived instanceof StockError);
  assert.equal(revived.left, 3);
  assert.equal(revived.message, "out of stock");
});

test("what cannot be stored is left out of an error, and only of an error", () => {
  const error: Error & { request?: unknown } = new Error("failed", { cause: () => 1 });
  error.request = { socket: { write() {} }, error };
  const revived = decodeValue(encodeValue(Object.assign(error, { status: 502 }))) as Error & {
    status: number;
  };
  assert.equal(revived.status, 502);
  assert.equal(revived.cause, undefined);
  assert.ok(!("request" in revived));
});

test("an error without stack does not get the decoder's", () => {
  const error = new RangeError("x");
  Reflect.set(error, "stack", undefined);
  assert.equal((decodeValue(encodeValue(error)) as Error).stack, "RangeError: x");
});

// -- what cannot be stored -------------------------------------------------------------------------------------------

class Account {
  readonly id = 1;
}
class OwnMap extends Map<string, number> {}
const circle: { name: string; self?: unknown } = { name: "a" };
circle.self = { deeper: [circle] };

const UNSTORABLE: ReadonlyArray<readonly [value: unknown, message: RegExp]> = [
  [() => 1, /^result: a function cannot be stored in the journal\. Store /],
  [{ items: [1, 2, 3, { onClick() {} }] }, /^result\.items\[3\]\.onClick: a function cannot be stored/],
  [{ "a b": { "": Symbol("x") } }, /^result\["a b"\]\[""\]: a symbol cannot be stored/],
  [{ $a: [new Account()] }, /^result\.\$a\[0\]: an instance of Account cannot be stored/],
  [new Map([["k", new Account()]]), /^result\.get\("k"\): an instance of Account/],
  [new Map([[{}, { a: () => 1 }]]), /^result\.value\(0\)\.a: a function/],
  [new Map([[() => 1, 1]]), /^result\.key\(0\): a function/],
  [[new Set([1, () => 1])], /^result\[0\]\[1\]: a function/],
  [circle, /^result\.self\.deeper\[0\]: a reference back to an object that contains it/],
  [{ wait: Promise.resolve() }, /^result\.wait: a promise cannot be stored in the journal\. Await it/],
  [new WeakMap(), /an instance of WeakMap/],
  [new OwnMap(), /an instance of OwnMap/],
  [Object.create({ inherited: 1 }), /cannot be stored/],
  [Object(5), /an instance of Number/],
  [nested(501), /nesting deeper than 500 levels cannot be stored/],
  [{ toJSON: () => 1 }, /^result\.toJSON: a function/],
];

for (const [value, message] of UNSTORABLE) {
  test(`refused: ${message.source}`, () => {
    assert.throws(
      () => encodeValue(value, "result"),
      (error) => error instanceof UnstorableValueError && message.test(error.message) && error.hint !== "",
    );
  });
}

test("values nested as deep as allowed are stored and read", () => {
  assert.deepStrictEqual(decodeValue(encodeValue(nested(500))), nested(500));
  let maps: unknown = new Map();
  for (let depth = 1; depth < 500; depth++) maps = new Map([["$", maps]]);
  assert.deepStrictEqual(decodeValue(encodeValue(maps)), maps);
});

// -- decoding --------------------------------------------------------------------------------------------------------

test("keys named __proto__ are data, and pollute nothing", () => {
  const texts = [
    '{"__proto__":{"polluted":1}}',
    '{"__proto__":{"polluted":1},"a":{"$date":"1970-01-01T00:00:00.000Z"}}',
    '{"$object":[["__proto__",{"polluted":1}],["$a",1]]}',
    '{"$error":{"name":"Error","message":"","__proto__":{"polluted":1}}}',
    '{"$map":[["__proto__",{"polluted":1}]]}',
  ];
  for (const text of texts) {
    const value = decodeValue(bytesOf(text)) as Record<string, unknown>;
    assert.equal(value["polluted"], undefined, text);
  }
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  const own = decodeValue(bytesOf('{"__proto__":1,"a":{"$bigint":"1"}}'));
  assert.deepEqual(Object.keys(own as object), ["__proto__", "a"]);
});

test("JSON of others that happens to use such keys is ordinary data", () => {
  for (const text of [
    '{"$ref":"#/a"}',
    '{"$date":"x","more":1}',
    '{"a":{"$oid":"5"}}',
    '{"$":1}',
    '["$date"]',
  ]) {
    assert.deepEqual(decodeValue(bytesOf(text)), JSON.parse(text));
  }
});

const MALFORMED = [
  "{",
  "nul",
  "\u0000",
  '{"$date":1}',
  '{"$date":"never"}',
  '{"$bigint":"1.5"}',
  '{"$bigint":5}',
  '{"$number":"5"}',
  '{"$undefined":1}',
  '{"$bytes":"%"}',
  '{"$bytes":"AR=="}',
  '{"$typed":["Float32Array","AAA="]}',
  '{"$typed":["Array",""]}',
  '{"$typed":["constructor",""]}',
  '{"$typed":5}',
  '{"$map":[[1]]}',
  '{"$map":{}}',
  '{"$set":5}',
  '{"$regexp":["(",""]}',
  '{"$regexp":["a"]}',
  '{"$url":"not a url"}',
  '{"$error":{"name":"x"}}',
  '{"$error":[]}',
  '{"$error":null}',
  '{"$object":[[1,2]]}',
  `${'{"$set":['.repeat(2000)}${"]}".repeat(2000)}`,
];

for (const text of MALFORMED) {
  test(`malformed: ${JSON.stringify(text.slice(0, 50))}`, () => {
    assert.throws(() => decodeValue(bytesOf(text)), ValueDecodeError);
  });
}

test("bytes that are no UTF-8 are refused", () => {
  assert.throws(() => decodeValue(Uint8Array.of(0x22, 0xff, 0x22)), ValueDecodeError);
});

test("any text gives a value or a ValueDecodeError", () => {
  const tag = fc.constantFrom(
    "$date",
    "$map",
    "$set",
    "$error",
    "$object",
    "$typed",
    "$bytes",
    "$regexp",
    "$url",
    "$number",
  );
  const tagged = fc.tuple(tag, fc.jsonValue({ maxDepth: 3 })).map(([key, content]) => ({ [key]: content }));
  fc.assert(
    fc.property(fc.oneof(fc.array(tagged), tagged, fc.jsonValue()), (document) => {
      try {
        decodeValue(bytesOf(JSON.stringify(document)));
      } catch (error) {
        assert.ok(error instanceof ValueDecodeError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level++) value = [value];
  return value;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
