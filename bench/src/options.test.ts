import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { OptionError, readOptions } from "./options.ts";

describe("the command line", () => {
  it("has a full run with everybody as its default", () => {
    const options = readOptions([], {});
    assert.equal(options.quick, false);
    assert.equal(options.rounds, 5);
    assert.deepEqual(options.contenders, [
      "holdfast",
      "holdfast-restate-sdk",
      "restate",
      "restate-tuned",
      "dbos",
    ]);
    assert.deepEqual(options.only, []);
    assert.equal(options.postgres, undefined);
  });

  it("shortens what is quick, unless told otherwise", () => {
    assert.equal(readOptions(["--quick"], {}).rounds, 3);
    assert.deepEqual(readOptions(["--quick"], {}).contenders, ["holdfast", "restate", "dbos"]);
    const options = readOptions(["--quick", "--rounds", "7", "--contenders", "dbos, holdfast"], {});
    assert.equal(options.rounds, 7);
    assert.deepEqual(options.contenders, ["holdfast", "dbos"]);
  });

  it("takes the PostgreSQL from the environment, and rather from the arguments", () => {
    const variables = { HOLDFAST_BENCH_POSTGRES: "postgresql://there" };
    assert.equal(readOptions([], variables).postgres, "postgresql://there");
    assert.equal(readOptions(["--postgres", "postgresql://here"], variables).postgres, "postgresql://here");
  });

  it("refuses what it does not know", () => {
    for (const args of [
      ["--rounds", "0"],
      ["--rounds", "many"],
      ["--contenders", "somebody"],
      ["--fast"],
      ["word"],
    ]) {
      assert.throws(() => readOptions(args, {}), OptionError, args.join(" "));
    }
  });
});
