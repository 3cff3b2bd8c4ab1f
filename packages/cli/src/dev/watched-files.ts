/**
 * The files that a program was made of, and when one of them changes. Directories are watched, not files: many editors save
 * by putting a new file in the place of the old one, and the watch of a file would stay with the old.
 */
import { watch, type FSWatcher } from "node:fs";
import { dirname, join } from "node:path";

import { fileStamp } from "./file-stamp.ts";

/** An editor that saves all files takes a moment; a reload for each would show errors that are none. */
const SETTLE_MS = 80;

export class WatchedFiles {
  readonly #stamps = new Map<string, string>();
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onProblem: (message: string) => void;
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #listener: (() => void) | undefined;

  constructor(onProblem: (message: string) => void) {
    this.#onProblem = onProblem;
  }

  /** A file that is not there yet may be added: that it appears is a change. */
  add(file: string, stamp: string = fileStamp(file)): void {
    this.#stamps.set(file, stamp);
    const directory = dirname(file);
    if (!this.#watchers.has(directory)) this.#watch(directory);
    // It may have changed between being read and being watched.
    this.#check(file);
  }

  /** Files that changed since the last call; waits until there are some. Undefined when it was called off. */
  async change(signal: AbortSignal): Promise<readonly string[] | undefined> {
    if (!this.#isSettled()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listener = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      // One that was called off may find the next one waiting already.
      if (this.#listener === resolve) this.#listener = undefined;
    }
    if (signal.aborted) return undefined;
    const files = [...this.#changed];
    this.#changed.clear();
    return files;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #isSettled(): boolean {
    return this.#changed.size > 0 && this.#timer === undefined;
  }

  #watch(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (name === null) for (const file of this.#stamps.keys()) this.#check(file);
        else this.#check(join(directory, name));
      });
      watcher.on("error", (error) => this.#onProblem(`${directory} cannot be watched: ${error.message}`));
      this.#watchers.set(directory, watcher);
    } catch (error) {
      this.#onProblem(`${directory} cannot be watched: ${error instanceof Error ? error.message : error}`);
    }
  }

  #check(file: string): void {
    const known = this.#stamps.get(file);
    if (known === undefined) return;
    const stamp = fileStamp(file);
    if (stamp === known) return;
    this.#stamps.set(file, stamp);
    this.#changed.add(file);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#listener?.();
    }, SETTLE_MS);
  }
}
