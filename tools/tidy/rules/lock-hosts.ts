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
