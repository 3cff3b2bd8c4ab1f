// Every program of the executable as one text: the command line, and the threads it starts.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { build, type Message, type Plugin } from "esbuild";

import { ROOT } from "../source-files.ts";
import { wrapTopLevelAwait } from "./top-level-await.ts";

const MAIN = "packages/cli/src/main.ts";

/** By the names that packages/server/src/worker-source.ts asks for. */
const WORKERS = {
  "log-worker": "packages/server/src/log/log-worker.ts",
  "store-worker": "packages/server/src/store/store-worker.ts",
  "query-worker": "packages/server/src/query/query-worker.ts",
} as const;

/** Files that may ask where they lie: they do so only when they lie anywhere. */
const KNOW_THEIR_PLACE: ReadonlySet<string> = new Set([
  "packages/cli/src/dev/file-error.ts",
  "packages/cli/src/dev/self-command.ts",
  "packages/server/src/query-program.ts",
  "packages/server/src/worker-source.ts",
]);

export interface Bundles {
  readonly main: string;
  readonly workers: ReadonlyMap<string, string>;
}

export async function bundlePrograms(): Promise<Bundles> {
  const workers = Object.entries(WORKERS).map(async ([name, path]) => [name, await bundle(path)] as const);
  return {
    main: await bundle(MAIN, [bodyInFunction(join(ROOT, MAIN))]),
    workers: new Map(await Promise.all(workers)),
  };
}

async function bundle(entry: string, plugins: Plugin[] = []): Promise<string> {
  const { outputFiles, warnings } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    // Node 24 runs embedded programs, and threads made of text, as CommonJS only.
    format: "cjs",
    platform: "node",
    target: "node24",
    write: false,
    logLevel: "silent",
    plugins,
  });
  const problems = warnings.filter((warning) => !isHarmless(warning)).map(describe);
  const [output] = outputFiles;
  if (problems.length > 0 || output === undefined) {
    throw new Error(`Cannot bundle ${entry}:\n${problems.join("\n")}`);
  }
  return output.text;
}

/** CommonJS knows no `await` outside of functions. */
function bodyInFunction(entry: string): Plugin {
  return {
    name: "body-in-function",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (path !== entry) return undefined;
        return { contents: wrapTopLevelAwait(path, readFileSync(path, "utf8")), loader: "ts" };
      });
    },
  };
}

function isHarmless({ id, location }: Message): boolean {
  return id === "empty-import-meta" && KNOW_THEIR_PLACE.has(location?.file ?? "");
}

function describe({ id, text, location }: Message): string {
  const place = location === null ? "" : `${location.file}:${location.line}: `;
  const hint = id === "empty-import-meta" ? " (there are no files beside the executable)" : "";
  return `${place}${text}${hint}`;
}
