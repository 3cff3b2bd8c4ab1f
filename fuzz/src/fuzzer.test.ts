/** That the fuzzer finds what it looks for, shown with targets that have it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Attempts, keyOf, minimise } from "./engine/attempt.ts";
import { ByteSource, sized } from "./engine/byte-source.ts";
import { Coverage } from "./engine/coverage.ts";
import { Mutator } from "./engine/mutate.ts";
import { Random } from "./engine/random.ts";
import { Finding, refusedOr, type Target } from "./engine/target.ts";
import { OptionError, readOptions } from "./options.ts";
import { findTarget, targets } from "./targets.ts";

function attemptsAt(run: Target["run"]): Attempts {
  return new Attempts({ name: "planted", decodes: "", seeds: () => [], run });
}

const INPUT = Uint8Array.of(1, 2, 3);

describe("an attempt", () => {
  it("finds an error that is not documented, and passes over one that is", async () => {
    const decode = (): never => {
      throw new RangeError("broken");
    };
    assert.ok((await attemptsAt(decode).run(INPUT)) instanceof RangeError);
    assert.equal(await attemptsAt(() => refusedOr([RangeError], decode)).run(INPUT), undefined);
    assert.ok((await attemptsAt(() => refusedOr([TypeError], decode)).run(INPUT)) instanceof RangeError);
  });

  it("finds what pollutes a prototype, and cleans up behind it", async () => {
    const attempts = attemptsAt(() => void Reflect.set(Object.prototype, "polluted", 1));
    const all = await attempts.runAll([INPUT]);
    assert.match(String(all?.found), /Object\.prototype was given the property polluted/);
    assert.equal(Reflect.get({}, "polluted"), undefined);
  });

  it("finds an allocation that no input of its size can need", async () => {
    const kept: Uint8Array[] = [];
    const found = await attemptsAt(() => void kept.push(new Uint8Array(200 * 1024 * 1024))).runAlone(INPUT);
    assert.match(String(found), /bytes were allocated/);
    assert.equal(kept.length, 1);
  });

  it("is repeated until nothing can be left out of the input", async () => {
    const attempts = attemptsAt((input) => {
      if (input.includes(7) && input.includes(9)) throw new Finding("seven and nine");
    });
    const input = Uint8Array.from({ length: 100 }, (_, index) => index);
    const found = await attempts.runAlone(input);
    assert.deepEqual([...(await minimise(attempts, input, keyOf(found), 2_000))], [7, 9]);
  });
});

describe("the mutator", () => {
  it("makes the same inputs of the same seed, and leaves those it begins with alone", () => {
    const seed = Buffer.from('{"a":[1,2]}');
    const made = (): string[] => {
      const mutator = new Mutator(new Random(5), { tokens: ["null"], hasJson: true });
      return Array.from({ length: 500 }, () => Buffer.from(mutator.mutate(seed, seed)).toString("base64"));
    };
    const first = made();
    assert.deepEqual(made(), first);
    assert.equal(seed.toString(), '{"a":[1,2]}');
    assert.ok(new Set(first).size > 250);
  });
});

describe("coverage", () => {
  it("says once what is new, again after it was taken back, and all of it after a reset", () => {
    const target = findTarget("identifiers");
    const [invocation] = target.seeds();
    assert.ok(invocation !== undefined);
    const coverage = new Coverage();
    const isNew = (input: Uint8Array): boolean => {
      void target.run(input);
      return coverage.look();
    };
    assert.equal(isNew(invocation), true);
    coverage.undo();
    assert.equal(isNew(invocation), true);
    assert.equal(isNew(invocation), false);
    assert.ok(coverage.blocks > 10);
    coverage.reset();
    assert.equal(coverage.blocks, 0);
    assert.equal(isNew(invocation), true);
    coverage.close();
  });
});

describe("a list of decisions", () => {
  it("is read as it was written, and gives zeros past its end", () => {
    const source = new ByteSource(Buffer.concat([Uint8Array.of(9), sized("text"), Uint8Array.of(1, 2)]));
    assert.deepEqual(
      [source.byte(), source.text(), source.uint16(), source.isEmpty],
      [9, "text", 0x0201, true],
    );
    assert.deepEqual([source.byte(), source.bytes().length], [0, 0]);
  });
});

describe("a run", () => {
  it("knows its options", () => {
    const names = targets.map(({ name }) => name);
    assert.equal(readOptions([], names).targets, names);
    assert.deepEqual(readOptions(["--target", "values"], names).targets, ["values"]);
    assert.throws(() => readOptions(["--target", "vales"], names), OptionError);
    assert.throws(() => readOptions(["--minutes", "0"], names), OptionError);
    assert.throws(() => readOptions(["--replay", "x"], names), OptionError);
  });
});
