import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import { findLeftovers, killLeftovers } from "../process/leftovers.ts";
import { DirectoryStore } from "../store/directory-store.ts";
import { until } from "../testing/slipway-process.ts";
import { NpmBuilder } from "./npm-builder.ts";

describe("the builder", () => {
  let root = "";
  let store: DirectoryStore;
  let builder: NpmBuilder;
  const output: string[] = [];
  const { signal } = new AbortController();

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "slipway-build-"));
    mkdirSync(join(root, "work"));
    output.length = 0;
    store = await DirectoryStore.open(join(root, "store"));
    builder = new NpmBuilder({
      store,
      workDirectory: join(root, "work"),
      logPath: (deployment) => join(root, `${deployment}.log`),
      onOutput: (_deployment, line) => output.push(line),
      owner: root,
      environment: process.env,
      npm: "npm",
    });
  });
  afterEach(() => {
    killLeftovers(root);
    rmSync(root, { recursive: true, force: true });
  });

  async function build(files: Readonly<Record<string, string>>, abort: AbortSignal = signal) {
    const source = mkdtempSync(join(root, "source-"));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      writeFileSync(join(source, path), content);
    }
    const { digest } = await store.put(source, "shop-1", () => false);
    return builder.build({ deployment: "shop-1", source: digest, key: "key" }, abort);
  }

  it("runs the application's own build, keeps what it prints, and stores what it makes", async () => {
    const scripts = {
      prebuild: "echo before",
      build: "echo made > made.txt && echo done >&2",
      start: "node x.js",
    };
    const { artifact, start } = await build({ "package.json": JSON.stringify({ name: "shop", scripts }) });
    assert.equal(start, "node x.js");
    await store.unpack(artifact.digest, join(root, "out"));
    assert.equal(readFileSync(join(root, "out", "made.txt"), "utf8"), "made\n");
    assert.ok(output.includes("$ npm run build") && output.includes("before") && output.includes("done"));
    assert.equal(readFileSync(join(root, "shop-1.log"), "utf8"), `${output.join("\n")}\n`);
    assert.deepEqual(readdirSync(join(root, "work")), []);
  });

  it("installs dependencies, and only where there are any", async () => {
    const manifest = { name: "shop", version: "1.0.0", dependencies: { sail: "file:sail" } };
    const lock = {
      name: "shop",
      version: "1.0.0",
      lockfileVersion: 3,
      requires: true,
      packages: {
        "": manifest,
        "node_modules/sail": { resolved: "sail", link: true },
        sail: { version: "1.0.0" },
      },
    };
    const scripts = { build: "node build.js", start: "node build.js" };
    await build({
      "package.json": JSON.stringify({ ...manifest, scripts }),
      "package-lock.json": JSON.stringify(lock),
      "sail/package.json": JSON.stringify({ name: "sail", version: "1.0.0" }),
      "sail/index.js": "module.exports = 'hoisted';",
      "build.js": "console.log(require('sail'))",
    });
    assert.ok(output.includes("$ npm ci"));
    assert.ok(output.includes("hoisted"));
  });

  it("fails with the last lines of a build that fails", async () => {
    const scripts = { build: "echo leak in the hull && exit 4", start: "x" };
    await assert.rejects(build({ "package.json": JSON.stringify({ scripts }) }), (error) => {
      assert.ok(error instanceof Error);
      assert.equal(error.message, "npm run build ended with exit code 4.");
      assert.match(JSON.stringify("data" in error ? error.data : undefined), /leak in the hull/);
      return true;
    });
    assert.deepEqual(readdirSync(join(root, "work")), []);
  });

  it("ends the build and all it has started when it is no longer wanted", async () => {
    const abort = new AbortController();
    const scripts = { build: "echo rowing && sleep 1000", start: "x" };
    const outcome = build({ "package.json": JSON.stringify({ scripts }) }, abort.signal);
    await until(() => output.includes("rowing"));
    abort.abort(new Error("no longer wanted"));
    await assert.rejects(outcome, /no longer wanted/);
    assert.deepEqual(findLeftovers(root), []);
  });
});
