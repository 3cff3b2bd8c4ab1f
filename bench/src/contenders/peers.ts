/** The peers' packages: installed on first use, from a lock file of their own, into a folder that git ignores. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PEERS = fileURLToPath(new URL("../../peers/", import.meta.url));

const LOCK = join(PEERS, "package-lock.json");
const STAMP = join(PEERS, "node_modules", ".holdfast-lock");
const INSTALL_MS_MAX = 300_000;
const SHOWN_CHARACTERS = 300;

let failure: string | undefined;

/** Installs all of them once. Returns why that was not possible, if it was not. */
export function installPeers(): string | undefined {
  failure ??= install();
  return failure;
}

function install(): string | undefined {
  const hash = createHash("sha256").update(readFileSync(LOCK)).digest("hex");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === hash) return undefined;
  console.error("Installing the peers (once per change of bench/peers/package-lock.json)…");
  const windows = process.platform === "win32";
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"];
  const npm = spawnSync(windows ? "npm.cmd" : "npm", args, {
    cwd: PEERS,
    encoding: "utf8",
    shell: windows,
    timeout: INSTALL_MS_MAX,
  });
  if (npm.error !== undefined) return `npm could not install it: ${npm.error.message}`;
  if (npm.status !== 0)
    return `npm could not install it: ${npm.stderr.replaceAll(/\s+/g, " ").trim().slice(0, SHOWN_CHARACTERS)}`;
  writeFileSync(STAMP, hash);
  return undefined;
}

/** The version that the lock file names. */
export function peerVersion(name: string): string {
  const lock = JSON.parse(readFileSync(LOCK, "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly version: string }>>;
  };
  return lock.packages[`node_modules/${name}`]?.version ?? "unknown";
}
