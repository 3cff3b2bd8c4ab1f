import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import { readApplication } from "./application.ts";

describe("an application", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "My Shop_"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const manifest = (value: object): void =>
    writeFileSync(join(directory, "package.json"), JSON.stringify(value));

  it("says in its package.json how it is built and started", () => {
    manifest({ name: "@acme/Web_Shop", scripts: { build: "tsc", start: "node dist/main.js" } });
    assert.deepEqual(readApplication(directory), {
      name: "web-shop",
      hasBuild: true,
      install: undefined,
      start: "node dist/main.js",
    });
  });

  it("may be a single file", () => {
    writeFileSync(join(directory, "server.js"), "");
    const { name, start } = readApplication(directory);
    assert.match(name, /^my-shop-[a-z0-9-]+$/);
    assert.equal(start, 'node "server.js"');
  });

  it("has its dependencies installed as its lock file says, where there is one", () => {
    manifest({ dependencies: { left: "1" }, scripts: { start: "x" } });
    assert.equal(readApplication(directory).install, "npm install");
    writeFileSync(join(directory, "package-lock.json"), "{}");
    assert.equal(readApplication(directory).install, "npm ci");
  });

  it("is refused with what is missing", () => {
    assert.throws(() => readApplication(join(directory, "gone")), /There is no directory/);
    assert.throws(() => readApplication(directory), /give its package.json a "start" script/);
    writeFileSync(join(directory, "package.json"), "{");
    assert.throws(() => readApplication(directory), /is not valid JSON/);
  });
});
