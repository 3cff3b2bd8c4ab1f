// `npm start`, `npm test` and `npm run package` begin here, on whatever Node the machine has (20 or newer): install what
// the lock file says, then hand over to the Node this repository pins. Plain JavaScript without dependencies, because it
// runs before there are any.
//
//   node tools/bootstrap.mjs start|test|package|bench|sim|crucible|fuzz|interop [arguments]

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BOOTSTRAP_MAJOR_MIN = 20;
const NODE_MAJOR_MIN = 24;
const PARENT_POLL_MS = 500;
const INSTALL_POLL_MS = 200;

const ENTRIES = {
  start: "apps/slipway/src/main.ts",
  test: "tools/test/main.ts",
  package: "tools/package/main.ts",
  bench: "bench/src/main.ts",
  sim: "packages/simulator/src/main.ts",
  crucible: "crucible/src/main.ts",
  fuzz: "fuzz/src/main.ts",
  interop: "interop/src/main.ts",
};

const root = fileURLToPath(new URL("..", import.meta.url));
const ownMajor = Number.parseInt(process.versions.node, 10);
const [verb, ...args] = process.argv.slice(2);

if (ownMajor < BOOTSTRAP_MAJOR_MIN) {
  fail(
    `Holdfast needs Node ${BOOTSTRAP_MAJOR_MIN} or newer to install itself; this is ${process.versions.node}.`,
  );
}
const entry = Object.hasOwn(ENTRIES, verb ?? "") ? ENTRIES[verb] : undefined;
if (entry === undefined)
  fail(`usage: node tools/bootstrap.mjs ${Object.keys(ENTRIES).join("|")} [arguments]`);

install();
run(findNode(), [join(root, entry), ...args]);

/** Brings node_modules in line with package-lock.json; a hash of the lock file left behind says that it is. */
function install() {
  const stamp = join(root, "node_modules", ".holdfast-lock");
  const hash = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const isInstalled = () => existsSync(stamp) && readFileSync(stamp, "utf8").trim() === hash;
  if (isInstalled()) return;

  // `npm start` and `npm test` in two terminals of a fresh clone: the second one waits for the first.
  const turn = join(root, ".install-turn");
  while (!takeTurn(turn)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, INSTALL_POLL_MS);
  process.once("exit", () => rmSync(turn, { force: true }));
  if (!isInstalled()) {
    console.error("Installing dependencies (once per change of package-lock.json)…");
    installLocked();
    writeFileSync(stamp, `${hash}\n`);
  }
  rmSync(turn, { force: true });
}

/** A file that holds the process id of whoever installs. A dead owner's file is taken away and tried again. */
function takeTurn(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  try {
    process.kill(Number(readFileSync(path, "utf8")), 0);
  } catch (error) {
    if (error.code === "ESRCH") rmSync(path, { force: true });
  }
  return false;
}

function installLocked() {
  const [command, prefix, shell] = npmCommand();
  const npm = spawnSync(command, [...prefix, "ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    encoding: "utf8",
    shell,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (npm.error !== undefined) fail(`npm could not be started: ${npm.error.message}`);
  if (npm.signal !== null) fail(`npm ci was ended by ${npm.signal}.`);
  if (npm.status !== 0) fail(`${npm.stdout}${npm.stderr}npm ci failed with exit code ${npm.status}.`);
}

/**
 * The npm that started us if one did, else the one on PATH (a .cmd file on Windows, which needs a shell).
 *
 * @returns {[command: string, prefix: string[], shell: boolean]}
 */
function npmCommand() {
  const path = process.env.npm_execpath;
  if (path !== undefined && /npm-cli\.c?js$/.test(path) && existsSync(path))
    return [process.execPath, [path], false];
  return process.platform === "win32" ? ["npm.cmd", [], true] : ["npm", [], false];
}

function findNode() {
  const system = process.platform === "win32" ? "win" : process.platform;
  for (const prefix of ["node", "node-bin"]) {
    const folder = join(root, "node_modules", `${prefix}-${system}-${process.arch}`, "bin");
    const binary = join(folder, system === "win" ? "node.exe" : "node");
    if (existsSync(binary)) return binary;
  }
  if (ownMajor >= NODE_MAJOR_MIN) return process.execPath;
  return fail(
    `There is no packaged Node for ${process.platform}-${process.arch} and this one is ${process.versions.node}. ` +
      `Install Node ${NODE_MAJOR_MIN} or newer and run the same command again.`,
  );
}

/** Runs the program in our place: it gets our terminal and our signals, we take over its exit. */
function run(node, nodeArgs) {
  // Node keeps what it makes of each source file: the second `npm start` shows its first line in half the time.
  const cache = join(root, "node_modules", ".cache", "node-compile");
  const child = spawn(node, nodeArgs, {
    stdio: "inherit",
    env: { NODE_COMPILE_CACHE: cache, ...process.env },
  });
  // A terminal sends Ctrl-C to the whole group; sending it again would look like an impatient second one.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGHUP", () => child.kill("SIGHUP"));

  // npm puts a shell between itself and us that dies of a signal without passing it on. Losing our parent is then
  // the only sign that the program should end.
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid === parent || child.kill("SIGTERM"), PARENT_POLL_MS);

  child.on("error", (error) => fail(`${node} could not be started: ${error.message}`));
  child.on("exit", (code, signal) => {
    clearInterval(watch);
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
