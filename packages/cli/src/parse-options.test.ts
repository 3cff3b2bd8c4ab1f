import assert from "node:assert/strict";
import { test } from "node:test";

import { CliError } from "./cli-error.ts";
import { defineCommand, type Command } from "./command.ts";
import { failureOf } from "./failure.ts";
import { parseOptions } from "./parse-options.ts";

const sample: Command = defineCommand({
  args: [
    { name: "target", help: "what to call" },
    { name: "input", help: "JSON", optional: true },
  ],
  options: {
    delay: { type: "string", value: "DURATION", help: "start later" },
    header: { type: "string", value: "NAME:VALUE", multiple: true, help: "send this header" },
    force: { type: "boolean", short: "f", help: "replace" },
  },
  examples: [],
  async run() {},
});

function refusal(...words: readonly string[]): {
  readonly message: string;
  readonly hint: string | undefined;
} {
  try {
    parseOptions("sample", sample, words);
  } catch (error) {
    assert.ok(error instanceof CliError);
    const { message, hint, exitCode } = failureOf(error);
    assert.equal(exitCode, 2);
    return { message, hint };
  }
  assert.fail(`"${words.join(" ")}" was accepted`);
}

test("flags, values, lists and arguments may stand in any order", () => {
  const { options, args } = parseOptions("sample", sample, [
    "--header",
    "a: b",
    "svc/handler",
    "-f",
    "--delay=3d",
    "--header=c: d",
    "{}",
  ]);
  assert.deepEqual(args, ["svc/handler", "{}"]);
  assert.deepEqual(options["header"], ["a: b", "c: d"]);
  assert.equal(options["delay"], "3d");
  assert.equal(options["force"], true);
  assert.equal(options["json"], false);
});

test("what is not given is false, empty or undefined", () => {
  const { options } = parseOptions("sample", sample, ["x"]);
  assert.deepEqual(
    { ...options },
    {
      json: false,
      help: false,
      "no-color": false,
      delay: undefined,
      header: [],
      force: false,
    },
  );
});

test("words behind -- are arguments, and so is a single hyphen", () => {
  assert.deepEqual(parseOptions("sample", sample, ["x", "--", "-5"]).args, ["x", "-5"]);
  assert.deepEqual(parseOptions("sample", sample, ["x", "-"]).args, ["x", "-"]);
});

test("an unknown option is answered with the closest one", () => {
  assert.deepEqual(refusal("x", "--dely", "3d"), {
    message: "There is no option --dely here",
    hint: 'Did you mean "--delay"?',
  });
  assert.match(refusal("x", "--wholly-different").hint ?? "", /--help/);
  assert.match(refusal("x", "-5").hint ?? "", /^Write -- before/);
  assert.match(refusal("x", "--constructor").message, /no option --constructor/);
});

test("a missing value is not made of the next option", () => {
  assert.match(refusal("x", "--delay").message, /--delay needs a value/);
  assert.match(refusal("x", "--delay", "--force").hint ?? "", /--delay=--force/);
  assert.match(refusal("x", "--delay=").message, /--delay needs a value/);
  assert.match(refusal("x", "--force=yes").message, /--force takes no value/);
});

test("missing and superfluous arguments are named", () => {
  assert.match(refusal().message, /needs <target>: what to call/);
  assert.match(refusal("x", '{"a":', "1}").message, /"1}" is one argument too many/);
  assert.match(refusal("x", "y", "z").hint ?? "", /Quote/);
});

test("with --help nothing else is checked", () => {
  assert.equal(parseOptions("sample", sample, ["--nonsense", "--help"]).options["help"], true);
  assert.equal(parseOptions("sample", sample, ["-h"]).options["help"], true);
});
