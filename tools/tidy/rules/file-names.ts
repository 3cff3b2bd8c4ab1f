import type { Rule } from "../rule.ts";
import { findingAt } from "../source-file.ts";

/** Names under which anything may be dumped. A file is named for the one thing it exports. */
const BANNED = new Set(["util", "utils", "helper", "helpers", "common", "misc", "types", "manager"]);
const BANNED_ENDING = /-(utils?|helpers?|misc|manager)$/;

export const fileNames: Rule = {
  name: "file-names",
  applies: (file) => file.syntax !== undefined,
  check: (files) =>
    files.flatMap((file) => {
      const bad = file.path.split("/").map(stem).find(isBanned);
      if (bad === undefined) return [];
      return [
        findingAt(file, 0, `"${bad}" says nothing: name the file for what it exports, beside its first user`),
      ];
    }),
};

function stem(name: string): string {
  return name.split(".")[0] ?? name;
}

function isBanned(name: string): boolean {
  return BANNED.has(name) || BANNED_ENDING.test(name);
}
