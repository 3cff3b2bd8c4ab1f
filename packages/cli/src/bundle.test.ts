import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it, type TestContext } from "node:test";

type Build = (options: { readonly outdir: string }) => Promise<{
  readonly metafile: { readonly inputs: Readonly<Record<string, unknown>> };
  readonly outputFiles: ReadonlyArray<{ readonly path: string; readonly contents: Uint8Array }>;
}>;

type Bundle = {
  readonly POINTER_FILE: string;
  currentBundle(target: string, root: string): string | undefined;
};

type BundleServer = { makeBundle(root: string, build: Build): Promise<void> };

// Run before there is a TypeScript to be had, so they have no types.
const bundleModule = new URL("../bin/bundle.mjs", import.meta.url).href;
const { POINTER_FILE, currentBundle } = (await import(bundleModule)) as Bundle;
const bundleServerModule = new URL("../bundle-server.mjs", import.meta.url).href;
const { makeBundle } = (await import(bundleServerModule)) as BundleServer;

/** Long enough ago for a build that begins now, whatever the file system's clock. */
const SAVED = 1_000;

describe("the bundled server", () => {
  let root = "";
  const target = (): string => join(root, "packages/cli/dist");
  const source = (): string => join(root, "source.ts");
  const current = (): string | undefined => currentBundle(target(), root);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "holdfast-bundle-"));
    save("first");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function save(text: string): void {
    writeFileSync(source(), text);
    utimesSync(source(), SAVED, SAVED);
  }

  /** As esbuild: reads the source, and hands over one file for each of two threads. */
  const copySource: Build = ({ outdir }) => {
    const contents = readFileSync(source());
    return Promise.resolve({
      metafile: { inputs: { "source.ts": {} } },
      outputFiles: ["main.js", "store/store-worker.js"].map((name) => ({
        path: join(outdir, name),
        contents,
      })),
    });
  };

  /** What it said, on stdout and on stderr. */
  async function make(
    { mock }: TestContext,
    build = copySource,
  ): Promise<{ said: string[]; warned: string[] }> {
    const log = mock.method(console, "log", () => {});
    const error = mock.method(console, "error", () => {});
    await makeBundle(root, build);
    const linesOf = ({ mock: { calls } }: typeof log): string[] =>
      calls.map((call) => String((call.arguments as unknown[])[0]));
    const lines = { said: linesOf(log), warned: linesOf(error) };
    mock.restoreAll();
    return lines;
  }

  async function makeCurrent(test: TestContext): Promise<string> {
    await make(test);
    const program = current();
    assert.ok(program !== undefined);
    return program;
  }

  it("is used while its sources are as they were", async (test) => {
    const program = await makeCurrent(test);
    assert.equal(readFileSync(program, "utf8"), "first");
    assert.equal(readFileSync(join(dirname(program), "store/store-worker.js"), "utf8"), "first");
  });

  it("is not used when a source has another length", async (test) => {
    await makeCurrent(test);
    save("longer than before");
    assert.equal(current(), undefined);
  });

  it("is not used when a source was written again", async (test) => {
    await makeCurrent(test);
    utimesSync(source(), SAVED + 1, SAVED + 1);
    assert.equal(current(), undefined);
  });

  it("is not used when a source is gone", async (test) => {
    await makeCurrent(test);
    rmSync(source());
    assert.equal(current(), undefined);
  });

  it("is not used when it was never made, or is gone", async (test) => {
    assert.equal(current(), undefined);
    rmSync(await makeCurrent(test));
    assert.equal(current(), undefined);
  });

  it("is not used when what points to it is damaged, or of another form", async (test) => {
    await makeCurrent(test);
    for (const text of ['{"directory":', "{}", '{"source.ts":[5,1]}']) {
      writeFileSync(join(target(), POINTER_FILE), text);
      assert.equal(current(), undefined);
    }
  });

  it("is not made when a source is saved during the build", async (test) => {
    const { said, warned } = await make(test, async (options) => {
      const result = await copySource(options);
      writeFileSync(source(), "other");
      return result;
    });
    assert.deepEqual(said, ["packages/cli/dist: not bundled, because source.ts was changed meanwhile"]);
    assert.deepEqual(warned, []);
    assert.deepEqual(readdirSync(target()), []);
  });

  it("says in one line that it could not be made, and leaves nothing behind", async (test) => {
    const { said, warned } = await make(test, () => {
      throw new Error("Build failed with 1 error:\nsource.ts:1:0: ERROR: Unexpected\nand more");
    });
    assert.deepEqual(said, []);
    assert.deepEqual(warned, [
      "Not bundled, so `holdfast serve` runs from its sources: Build failed with 1 error: source.ts:1:0: ERROR: Unexpected",
    ]);
    assert.deepEqual(readdirSync(target()), []);
  });

  it("leaves the one before it to the server that runs it", async (test) => {
    const before = await makeCurrent(test);
    save("second");
    const after = await makeCurrent(test);
    assert.notEqual(dirname(after), dirname(before));
    assert.equal(readFileSync(join(dirname(before), "store/store-worker.js"), "utf8"), "first");
    assert.equal(readFileSync(join(dirname(after), "store/store-worker.js"), "utf8"), "second");
  });

  it("stays where it is when it is made again, and what is missing of it comes back", async (test) => {
    const program = await makeCurrent(test);
    const worker = join(dirname(program), "store/store-worker.js");
    rmSync(worker);
    assert.equal(await makeCurrent(test), program);
    assert.ok(existsSync(worker));
    assert.deepEqual(readdirSync(target()).toSorted(), [
      dirname(program).split(/[/\\]/).at(-1),
      POINTER_FILE,
    ]);
  });

  it("is one of three that are kept, and removes what an interrupted build left", async (test) => {
    const [long, now] = ["making-1", "making-2"].map((name) => join(target(), name)) as [string, string];
    for (const path of [long, now]) mkdirSync(path, { recursive: true });
    utimesSync(long, SAVED, SAVED);
    const programs: string[] = [];
    for (const text of ["first", "second", "third", "fourth"]) {
      save(text);
      const program = await makeCurrent(test);
      programs.push(program);
      // As if each had been made a second after the other, some time ago.
      const time = SAVED + programs.length;
      utimesSync(dirname(program), time, time);
    }
    assert.deepEqual(
      programs.map((program) => existsSync(program)),
      [false, true, true, true],
    );
    assert.ok(!existsSync(long));
    assert.ok(existsSync(now));
  });
});
