import type { Rule } from "../rule.ts";
import { type Finding, findingAt, walk } from "../source-file.ts";

/** A public interface is written down name by name, so that it grows only on purpose. */
export const starExports: Rule = {
  name: "star-exports",
  applies: (file) => file.syntax !== undefined,
  check: (files) =>
    files.flatMap((file) => {
      const findings: Finding[] = [];
      if (file.syntax === undefined) return findings;
      walk(file.syntax.program, (node) => {
        if (node.type !== "ExportAllDeclaration") return;
        findings.push(findingAt(file, node.start, `export the names you mean from "${node.source.value}"`));
      });
      return findings;
    }),
};
