/** Where the code of a thread comes from: a file beside the sources, or text inside the executable (docs/packaging.md). */
import { getAsset, isSea } from "node:sea";
import { Worker, type WorkerOptions } from "node:worker_threads";

/** Every thread of the server, by name. tools/package embeds each of them under that name. */
const FILES = {
  "log-worker": "./log/log-worker",
  "store-worker": "./store/store-worker",
  "query-worker": "./query/query-worker",
} as const;

export function startWorker(name: keyof typeof FILES, options: WorkerOptions): Worker {
  if (isSea()) return new Worker(getAsset(name, "utf8"), { ...options, eval: true });
  // Source in development and compiled in a release.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new Worker(new URL(`${FILES[name]}.${extension}`, import.meta.url), options);
}
