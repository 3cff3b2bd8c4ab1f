/** Gives inputs to a target one at a time, and says what was found. */
import { ALLOCATED_BYTES_MAX, Guard } from "./guard.ts";
import { Finding, type Target } from "./target.ts";

/** Told what is being run, so that whoever watches from outside knows what never came back. */
export type Watch = {
  begin(input: Uint8Array): void;
  end(): void;
};

const NOBODY: Watch = { begin: () => {}, end: () => {} };

export class Attempts {
  readonly #target: Target;
  readonly #watch: Watch;
  readonly #guard = new Guard();
  /** Rejections and errors that nobody caught. */
  #stray: { readonly error: unknown } | undefined;
  executions = 0;

  constructor(target: Target, watch: Watch = NOBODY) {
    this.#target = target;
    this.#watch = watch;
  }

  /** Errors that no `run` throws, because they come from a callback or a promise that nobody waits for, count as well. */
  catchStray(): Disposable {
    const note = (error: unknown): void => {
      this.#stray ??= { error };
    };
    process.on("unhandledRejection", note);
    process.on("uncaughtException", note);
    return {
      [Symbol.dispose]: () => {
        process.off("unhandledRejection", note);
        process.off("uncaughtException", note);
      },
    };
  }

  /** Returns what the input found. */
  async run(input: Uint8Array): Promise<unknown> {
    this.executions += 1;
    this.#watch.begin(input);
    try {
      // A copy, because decoders give out views of what they read; and no Buffer, which is never equal to a Uint8Array.
      const running = this.#target.run(new Uint8Array(input));
      if (running !== undefined) await running;
      return this.#takeStray();
    } catch (error) {
      return error ?? new Finding("nothing was thrown");
    } finally {
      this.#watch.end();
    }
  }

  /** As `run`, with everything that is too dear to be looked at each time. */
  async runAlone(input: Uint8Array): Promise<unknown> {
    const before = this.#guard.allocated();
    const found = await this.run(input);
    return found ?? this.#checkShared() ?? this.#checkMemory(before);
  }

  /** Runs all of them and returns the first that found something, with what it found. */
  async runAll(
    inputs: readonly Uint8Array[],
  ): Promise<{ readonly input: Uint8Array; readonly found: unknown } | undefined> {
    const before = this.#guard.allocated();
    for (const input of inputs) {
      const found = await this.run(input);
      if (found !== undefined) return { input, found };
    }
    if (this.#checkShared() === undefined && this.#checkMemory(before) === undefined) return undefined;
    for (const input of inputs) {
      const found = await this.runAlone(input);
      if (found !== undefined) return { input, found };
    }
    return undefined;
  }

  #takeStray(): unknown {
    const stray = this.#stray;
    this.#stray = undefined;
    return stray === undefined ? undefined : (stray.error ?? new Finding("something was rejected"));
  }

  #checkShared(): unknown {
    try {
      this.#guard.check();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #checkMemory(before: number): unknown {
    const grown = this.#guard.allocated() - before;
    return grown > ALLOCATED_BYTES_MAX ? new Finding(`${grown} bytes were allocated`) : undefined;
  }
}

/** What two findings have in common when they are one: the error and where it was thrown, without the numbers in it. */
export function keyOf(found: unknown): string {
  if (!(found instanceof Error)) return String(found);
  const frame = /\/(?:packages|fuzz)\/.*?:\d+/.exec(found.stack ?? "")?.[0] ?? "";
  const [line = ""] = found.message.split("\n");
  // A full stack is hit wherever it happens to end.
  const place = /call stack/.test(line) ? "" : frame;
  return `${found.name}: ${line.replaceAll(/\d+|"[^"]*"/g, "#").slice(0, 80)} ${place}`;
}

/** Leaves out what is not needed for the same finding. */
export async function minimise(
  attempts: Attempts,
  input: Uint8Array,
  key: string,
  attemptsMax: number,
): Promise<Uint8Array> {
  let small = input;
  let left = attemptsMax;
  for (let piece = Math.ceil(small.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let at = 0; at < small.length && left > 0; left--) {
      const shorter = Buffer.concat([small.subarray(0, at), small.subarray(at + piece)]);
      const found = await attempts.runAlone(shorter);
      if (found !== undefined && keyOf(found) === key) small = shorter;
      else at += piece;
    }
  }
  return small;
}
