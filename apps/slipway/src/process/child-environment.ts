import { delimiter, dirname, join } from "node:path";

import { OWNER_VARIABLE } from "./leftovers.ts";

/** What npm, Node's test runner and Slipway's user set for us and not for the programs we run. */
const PRIVATE = /^(npm_|SLIPWAY_|INIT_CWD$|NODE_OPTIONS$|NODE_COMPILE_CACHE$|NODE_TEST_CONTEXT$)/;
/** How this machine reaches the registry, however npm was told. */
const KEPT = /^npm_config_(registry|cache|userconfig|proxy|https_proxy|noproxy|cafile|strict_ssl|offline)$/;

/** Environment of a program that runs in `directory`: ours without what is private, and its own tools first on the path. */
export function childEnvironment(
  ours: Readonly<Record<string, string | undefined>>,
  place: { readonly owner: string; readonly directory: string },
  additions: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(ours)) {
    if (value !== undefined && (KEPT.test(name) || !PRIVATE.test(name))) kept[name] = value;
  }
  // The Node that runs us also runs them: the machine's own may be older than what they need.
  const path = [join(place.directory, "node_modules", ".bin"), dirname(process.execPath), kept["PATH"] ?? ""];
  return { ...kept, PATH: path.join(delimiter), [OWNER_VARIABLE]: place.owner, ...additions };
}
