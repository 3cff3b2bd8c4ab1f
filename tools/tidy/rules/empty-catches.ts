import type { Rule } from "../rule.ts";
import { type Finding, findingAt, walk } from "../source-file.ts";

/** Ignoring an error is a decision, and a decision has a reason. */
export const emptyCatches: Rule = {
  name: "empty-catches",
  applies: (file) => file.syntax !== undefined,
  check: (files) =>
    files.flatMap((file) => {
      const findings: Finding[] = [];
      if (file.syntax === undefined) return findings;
      const { comments, program } = file.syntax;
      walk(program, (node) => {
        if (node.type !== "CatchClause" || node.body.body.length > 0) return;
        const { start, end } = node.body;
        if (comments.some((comment) => comment.start > start && comment.end < end)) return;
        findings.push(
          findingAt(file, node.start, "say in a comment why this error may be ignored, or handle it"),
        );
      });
      return findings;
    }),
};
