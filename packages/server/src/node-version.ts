/**
 * Versions of Node that no server should listen with: what anyone can send is read by Node's HTTP parser and carried by its
 * core, and these have holes there that are public and mended. The packaged Node is newer than all of them.
 */
import { HoldfastError } from "@holdfast/protocol";

type Mended = {
  /** The first version of each release line that has the fix. A line that is not here never had the hole. */
  readonly since: readonly string[];
  readonly what: string;
};

const HOLES: readonly Mended[] = [
  {
    since: ["24.13.0", "25.3.0"],
    what: "CVE-2025-59466: a stack overflow on a caller's input ends the process although it is caught",
  },
  {
    since: ["24.14.1", "25.8.2"],
    what: "CVE-2026-21710: a request with a header called __proto__ can end the process",
  },
];
/** Older lines miss what the server needs, and are not looked after any more. */
const MAJOR_MIN = 24;

/** Throws `runtime-unsupported` for a version, such as "24.13.1", that must not face a network. */
export function requireSafeNode(version: string): void {
  const [major = 0] = numbersOf(version);
  if (major < MAJOR_MIN) throw unsupported(version, `it needs Node ${MAJOR_MIN} or newer`);
  // A pre-release or a build of one's own counts as the version that it is named after.
  const hole = HOLES.findLast(({ since }) =>
    since.some((fixed) => numbersOf(fixed)[0] === major && isBefore(version, fixed)),
  );
  if (hole !== undefined) throw unsupported(version, `that has a known hole (${hole.what})`);
}

function isBefore(version: string, other: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(other)];
  const at = a.findIndex((number, index) => number !== b[index]);
  return at !== -1 && (a[at] ?? 0) < (b[at] ?? 0);
}

/** Major, minor and patch. */
function numbersOf(version: string): readonly number[] {
  return version.split("-", 1).join("").split(".").slice(0, 3).map(Number);
}

function unsupported(version: string, reason: string): HoldfastError {
  return new HoldfastError(
    "runtime-unsupported",
    { runtime: `node/${version}` },
    {
      message: `The server does not run on Node ${version}: ${reason}`,
      hint: "Use the newest version of its release line, or the Node that comes with the package.",
    },
  );
}
