import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder, with a slash at the end. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const GENERATED_FOLDERS = new Set(["node_modules", "dist", "coverage"]);

/**
 * Every file that is or could be committed: tracked ones and new ones that .gitignore does not exclude, as sorted
 * paths relative to the root. Without git (an unpacked archive) everything outside of generated and hidden folders.
 */
export function listSourceFiles(): readonly string[] {
  const git = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const tracked = git.status === 0 ? git.stdout.split("\0").filter((path) => path !== "") : [];
  const paths = tracked.length > 0 ? tracked : walk("");
  return [...new Set(paths)].filter((path) => existsSync(join(ROOT, path))).toSorted();
}

function walk(folder: string): string[] {
  const paths: string[] = [];
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isFile()) paths.push(path);
    const hidden = entry.name.startsWith(".") || GENERATED_FOLDERS.has(entry.name);
    if (entry.isDirectory() && !hidden) paths.push(...walk(path));
  }
  return paths;
}
