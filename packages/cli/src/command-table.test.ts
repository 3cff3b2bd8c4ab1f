import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { commandTable, type CommandEntry } from "./command-table.ts";
import { ExitCode } from "./exit-code.ts";
import { findCommand, nameOf } from "./find-command.ts";
import { commandLines } from "./help-text.ts";
import { plain } from "./output/paint.ts";
import { parseOptions } from "./parse-options.ts";

type Path = readonly CommandEntry[];

function paths(entries: readonly CommandEntry[] = commandTable, above: Path = []): readonly Path[] {
  return entries.flatMap((entry) => {
    const path = [...above, entry];
    return "subcommands" in entry ? paths(entry.subcommands, path) : [path];
  });
}

const visible = paths().filter((path) => path.every(({ isHidden }) => isHidden !== true));

/** As a shell would, as far as the examples need it. */
function words(line: string): string[] {
  const found = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return found.map((word) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_all, single, double) => single ?? double),
  );
}

test("every command loads, and its examples are accepted by its own options", async () => {
  for (const path of visible) {
    const entry = path.at(-1);
    assert.ok(entry !== undefined && "load" in entry);
    const command = await entry.load();
    assert.ok(command.examples.length > 0, `${nameOf(path)} has no example`);
    for (const { line } of command.examples) {
      const own = line.split(/ [|&]|; /).find((part) => part.includes(`holdfast ${path[0]?.name}`)) ?? "";
      const [, ...rest] = words(own.slice(own.indexOf("holdfast")).replace(/\)$/, ""));
      const found = findCommand(rest);
      assert.equal(nameOf(found.path), nameOf(path), line);
      parseOptions(nameOf(path), command, found.rest);
    }
  }
});

test("help stays within a terminal's width, and says what each option is for", async () => {
  for (const path of visible) {
    const entry = path.at(-1);
    assert.ok(entry !== undefined && "load" in entry);
    const command = await entry.load();
    for (const spec of Object.values(command.options)) assert.ok(spec.help.length > 0);
    const lines = commandLines(nameOf(path), entry.summary, command, plain);
    const [long] = lines.filter((line) => line.length > 100 && !line.startsWith("  holdfast"));
    assert.equal(long, undefined, `${nameOf(path)}: ${long}`);
  }
});

test("the documentation names every command and every exit code", () => {
  const text = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
  for (const path of visible) assert.ok(text.includes(`\`${nameOf(path)}`), nameOf(path));
  for (const [name, code] of Object.entries(ExitCode)) {
    assert.match(text, new RegExp(`^\\| ${code} \\|`, "m"), `exit code ${code}, ${name}`);
  }
});

test("options may stand before the command", () => {
  const { path, rest } = findCommand(["--json", "--admin-url", "http://x", "deployments", "list", "-y"]);
  assert.equal(nameOf(path), "deployments list");
  assert.deepEqual(rest, ["--json", "--admin-url", "http://x", "-y"]);
});

test("what follows a command belongs to it, also when it is called like a command", () => {
  const { path, rest } = findCommand(["call", "list", "help"]);
  assert.equal(nameOf(path), "call");
  assert.deepEqual(rest, ["list", "help"]);
});
