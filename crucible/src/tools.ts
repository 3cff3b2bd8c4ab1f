/** Programs and rights that some experiments need, and what to do when they are missing. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export type Need = "strace" | "faketime" | "root" | "linux";

/** Where Debian and its descendants put the library for programs with threads. */
const FAKETIME_LIBRARIES = ["x86_64", "aarch64"].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`,
);

const REMEDIES: Readonly<Record<Need, string>> = {
  strace: "apt-get install strace",
  faketime: "apt-get install faketime",
  root: "run it as root: it mounts a small file system",
  linux: "run it on Linux",
};

export function faketimeLibrary(): string | undefined {
  return FAKETIME_LIBRARIES.find((path) => existsSync(path));
}

/** What is missing, with the way to get it; `undefined` when nothing is. */
export function missing(needs: readonly Need[]): string | undefined {
  const absent = needs.filter((need) => !isThere(need));
  return absent.length === 0
    ? undefined
    : absent.map((need) => `needs ${need} (${REMEDIES[need]})`).join("; ");
}

function isThere(need: Need): boolean {
  switch (need) {
    case "strace":
      return process.platform === "linux" && canTrace();
    case "faketime":
      return faketimeLibrary() !== undefined;
    case "root":
      return process.getuid?.() === 0;
    case "linux":
      return process.platform === "linux";
  }
}

/** Installed is not enough: a container may forbid tracing. */
function canTrace(): boolean {
  return spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
}
