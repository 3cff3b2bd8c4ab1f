import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { fileError, missingFile } from "./file-error.ts";
import { loadServices } from "./load-services.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-file-error-"));
after(() => rmSync(directory, { recursive: true }));

async function errorOf(name: string, text: string): Promise<unknown> {
  const path = join(directory, name);
  writeFileSync(path, text);
  try {
    await loadServices(path);
  } catch (error) {
    return error;
  }
  assert.fail(`${name} was loaded`);
}

test("a syntax error shows the line, and no frame of Node's", async () => {
  const { message, places } = fileError(await errorOf("syntax.ts", "export const a = = 1;\n"), directory);
  assert.match(message, /^syntax\.ts:1\nexport const a = = 1;\n +\^/);
  assert.deepEqual(places, []);
});

test("what types cannot be stripped from comes with what to write instead", async () => {
  const { message, hint } = fileError(await errorOf("enum.ts", "export enum Colour { red }\n"), directory);
  assert.match(message, /enum is not supported/);
  assert.match(hint ?? "", /const object/);
});

test("an error that the file throws says where", async () => {
  const text = "function check(): void {\n  throw new RangeError('too late');\n}\ncheck();\nexport {};\n";
  const { message, places } = fileError(await errorOf("throws.ts", text), directory);
  assert.equal(message, "RangeError: too late");
  assert.equal(places.length, 2);
  assert.match(places[0] ?? "", /^at check \(throws\.ts:2:9\)$/);
});

test("an import of a file that is not there names it, so that it can be waited for", async () => {
  const error = await errorOf("missing.ts", 'import "./later.ts";\nexport {};\n');
  assert.equal(missingFile(error), join(directory, "later.ts"));
  writeFileSync(join(directory, "near.ts"), "export {};\n");
  const near = await errorOf("extension.ts", 'import "./near.js";\nexport {};\n');
  assert.match(fileError(near, directory).hint ?? "", /near\.ts/);
});

test("a package that is not there is to be installed", async () => {
  const error = await errorOf("package.ts", 'import "left-pad-nowhere";\nexport {};\n');
  assert.equal(fileError(error, directory).hint, "Install it: npm install left-pad-nowhere");
  assert.equal(missingFile(error), undefined);
});

test("a file without services says what it exports instead", async () => {
  const error = await errorOf("none.ts", "export const answer = 42;\n");
  const { message, places } = fileError(error, directory);
  assert.match(message, /^none\.ts exports no services: it exports answer\./);
  assert.deepEqual(places, []);
  assert.match(fileError(await errorOf("empty.ts", "export {};\n"), directory).message, /exports nothing/);
});

test("something thrown that is no error is shown as it is", () => {
  assert.deepEqual(fileError("a text", directory), { message: "The file threw a text", places: [] });
});

test("definitions are found as exports and in exported lists, each once", async () => {
  const sdk = import.meta.resolve("@holdfast/sdk");
  const path = join(directory, "services.ts");
  writeFileSync(
    path,
    `import { service } from ${JSON.stringify(sdk)};
export const a = service("a", { go: async () => 1 });
export const all = [a, service("b", { go: async () => 2 })];
export const other = { a };
export default a;
`,
  );
  assert.equal((await loadServices(path)).length, 2);
  assert.ok(pathToFileURL(path).href.startsWith("file:"));
});
