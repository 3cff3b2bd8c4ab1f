#!/usr/bin/env node
// Starts ../src/main.ts, or what was bundled of it. Plain JavaScript, so that an old Node still reaches the sentence that says what it needs.

import { existsSync } from "node:fs";
import module, { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { currentBundle } from "./bundle.mjs";

const NODE_MAJOR_MIN = 24;
const self = fileURLToPath(import.meta.url);
const args = process.argv.slice(2);

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) {
  // Node keeps what it makes of each source file, so that the next start takes half the time. Said before main.ts is read:
  // the first TypeScript without it loads the compiler.
  module.enableCompileCache?.();
  await import(programUrl());
} else {
  const node = findPinnedNode();
  if (node === undefined) {
    console.error(
      `holdfast needs Node ${NODE_MAJOR_MIN} or newer and this is ${process.versions.node}. Install Node ${NODE_MAJOR_MIN} and try again.`,
    );
    process.exit(1);
  }
  await run(node);
}

/** Only a server stays long enough for its memory to matter; `dev` loads handlers that import the sources beside it. */
function programUrl() {
  const here = dirname(self);
  const bundle =
    args[0] === "serve" ? currentBundle(join(here, "../dist"), join(here, "../../..")) : undefined;
  return bundle === undefined ? new URL("../src/main.ts", import.meta.url).href : pathToFileURL(bundle).href;
}

/** The Node that the Holdfast repository installs next to its other packages, if this is a checkout of it. */
function findPinnedNode() {
  const system = process.platform === "win32" ? "win" : process.platform;
  const require = createRequire(import.meta.url);
  for (const prefix of ["node", "node-bin"]) {
    let manifest;
    try {
      manifest = require.resolve(`${prefix}-${system}-${process.arch}/package.json`);
    } catch {
      continue; // Not installed under this name: the next one may be.
    }
    const binary = join(dirname(manifest), "bin", system === "win" ? "node.exe" : "node");
    if (existsSync(binary)) return binary;
  }
  return undefined;
}

async function run(node) {
  const { spawn } = await import("node:child_process");
  const child = spawn(node, [self, ...args], { stdio: "inherit" });
  // A terminal sends Ctrl-C to the whole group; sending it again would look like an impatient second one.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGHUP", () => child.kill("SIGHUP"));
  child.on("error", (error) => {
    console.error(`holdfast could not start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
