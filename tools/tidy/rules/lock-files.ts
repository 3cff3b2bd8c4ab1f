import type { Rule } from "../rule.ts";
import { type Finding, findingAt } from "../source-file.ts";

const LOCK_FILE = /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock)$/;
const HOST = /\b(resolved|tarball)"?:?\s*"?https?:/g;

/** A lock file pins contents by hash; the address they came from is each reader's own business. */
export const lockHosts: Rule = {
  name: "lock-hosts",
  applies: (file) => LOCK_FILE.test(file.path),
  check: (files) =>
    files.flatMap((file) => {
      const findings: Finding[] = [];
      for (const match of file.text.matchAll(HOST)) {
        findings.push(
          findingAt(file, match.index, "lock without addresses: .npmrc sets omit-lockfile-registry-resolved"),
        );
      }
      return findings;
    }),
};

/** `npm ci` refuses a lock file in which a platform's optional package is missing, also on other platforms. */
export const lockPlatforms: Rule = {
  name: "lock-platforms",
  applies: (file) => file.path === "package-lock.json",
  check: (files) =>
    files.flatMap((file) => {
      const { packages = {} } = JSON.parse(file.text) as LockFile;
      const missing = Object.entries(packages).flatMap(([key, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies).filter(
          (name) => !(`node_modules/${name}` in packages || `${key}/node_modules/${name}` in packages),
        ),
      );
      return missing.map((name) =>
        findingAt(file, 0, `no entry for ${name}: run node tools/lock-platforms.ts`),
      );
    }),
};

interface LockFile {
  readonly packages?: Readonly<
    Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
  >;
}
