import type { Finding, SourceFile } from "./source-file.ts";

/** One check. It is given only the files it applies to, and it is an error if there is none. */
export interface Rule {
  readonly name: string;
  applies(file: SourceFile): boolean;
  check(files: readonly SourceFile[]): readonly Finding[];
}

export interface RuleResult {
  readonly rule: string;
  readonly filesSeen: number;
  readonly findings: readonly Finding[];
}

export function runRule(rule: Rule, files: readonly SourceFile[]): RuleResult {
  const seen = files.filter((file) => rule.applies(file));
  if (seen.length === 0)
    throw new Error(`The rule ${rule.name} applies to no file: it would pass whatever we write`);
  return { rule: rule.name, filesSeen: seen.length, findings: rule.check(seen) };
}
