/**
 * Every regular expression that what callers send can reach takes time in proportion to it. Each one in these folders is fed
 * long texts made of what it is made of, with an end that it cannot match: one that goes back and tries again takes
 * seconds or hours for them, every other a millisecond.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { parseSync } from "oxc-parser";

import { AdminRig } from "../admin/admin-rig.ts";

const FOLDERS = [
  "../http",
  "../ingress",
  "../ingress/auth",
  "../admin",
  "../invoker",
  "../../../protocol/src",
];
const LENGTH = 100_000;
/** Generous: what is linear takes less than one of these. */
const ALLOWED_MS = 1_000;

type Pattern = { readonly file: string; readonly source: string; readonly flags: string };

/** All regular expressions of a file: as literals, and how many are made of texts. */
function patternsOf(path: string): { readonly literals: Pattern[]; readonly made: number } {
  const literals: Pattern[] = [];
  let made = 0;
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    if (Array.isArray(node)) {
      for (const each of node) walk(each);
      return;
    }
    const { type, regex, callee } = node as Record<string, unknown>;
    if (type === "Literal" && typeof regex === "object" && regex !== null) {
      const { pattern, flags } = regex as { pattern: string; flags: string };
      literals.push({ file: basename(path), source: pattern, flags });
    }
    const name = (callee as { name?: string } | undefined)?.name;
    if ((type === "NewExpression" || type === "CallExpression") && name === "RegExp") made += 1;
    for (const each of Object.values(node)) if (typeof each === "object") walk(each);
  };
  walk(parseSync(path, readFileSync(path, "utf8")).program);
  return { literals, made };
}

const files = FOLDERS.flatMap((folder) => {
  const directory = new URL(`${folder}/`, import.meta.url);
  return readdirSync(directory)
    .filter((name) => name.endsWith(".ts") && !/\.(test|contract)\.ts$/.test(name))
    .map((name) => fileURLToPath(new URL(name, directory)));
});
const found = files.map(patternsOf);
const patterns = found.flatMap(({ literals }) => literals);

/** Texts that are hard for a pattern that has something to try again. */
function* hardTexts({ source }: Pattern): Generator<string> {
  // What the pattern begins with, so far as it is plain text.
  const prefix = /^\^?((?:[\w /:-]|\\[/.])*)/.exec(source)?.[1]?.replaceAll("\\", "") ?? "";
  const own = source.replaceAll(/[\\^$()[\]{}|?*]/g, "");
  const letters = new Set(`a0 _-.:/"\\\t+%,;=${own}`.split(""));
  for (const start of new Set(["", prefix])) {
    for (const letter of letters) {
      yield start + letter.repeat(LENGTH);
      yield `${start}${letter.repeat(LENGTH)}\u0000`;
      yield `${start}${`${letter}a`.repeat(LENGTH / 2)}\n`;
    }
  }
}

describe("regular expressions", () => {
  it("are there to be tried, and none is made of a text by the server", () => {
    assert.ok(patterns.length > 30, String(patterns.length));
    const makers = found.flatMap(({ made }, at) => (made > 0 ? [basename(files[at] ?? "")] : []));
    // A value may hold one. It is made for handlers and clients, and applied by nobody here.
    assert.deepEqual(makers, ["value-decoder.ts"]);
  });

  for (const pattern of patterns) {
    it(`/${pattern.source}/${pattern.flags} of ${pattern.file} takes time in proportion`, () => {
      const regex = new RegExp(pattern.source, pattern.flags);
      for (const text of hardTexts(pattern)) {
        const started = performance.now();
        text.replace(regex, "");
        const took = performance.now() - started;
        assert.ok(took < ALLOWED_MS, `${took} ms for ${JSON.stringify(text.slice(0, 20))}…`);
      }
    });
  }
});

it("an address with very many slashes is registered or refused at once", async (t) => {
  const rig = await AdminRig.start();
  t.after(() => rig.close());
  const started = performance.now();
  await rig.send("POST", "/deployments", { url: `http://h${"/".repeat(60_000)}x` });
  await rig.send("POST", "/deployments", { url: `http://h${"/".repeat(60_000)}` });
  // With the regular expression that was there it took twelve seconds.
  assert.ok(performance.now() - started < 3_000);
});
