/** Fuzzes one target in this thread, led by coverage. */
import { keyOf, minimise, type Attempts } from "./attempt.ts";
import { CORPUS_BYTES_MAX, CORPUS_FILES_MAX } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { Mutator } from "./mutate.ts";
import type { Random } from "./random.ts";
import type { Target } from "./target.ts";

/**
 * Inputs between two looks at the coverage. A look costs two or three milliseconds, so that at ten microseconds an input this is what
 * keeps looking cheaper than running.
 */
const BATCH = 256;
const MINIMISE_ATTEMPTS_MAX = 2_000;
/** Of one target. More of them are mostly the same one in other words. */
const FINDINGS_MAX = 10;

export type Found = { readonly input: Uint8Array; readonly key: string; readonly text: string };

export type Fuzzed = {
  readonly executions: number;
  readonly blocks: number;
  /** The smallest inputs that cover all that was covered. */
  readonly corpus: readonly Uint8Array[];
  readonly findings: number;
};

export type FuzzerOptions = {
  readonly target: Target;
  readonly attempts: Attempts;
  readonly random: Random;
  /** Inputs of earlier runs. */
  readonly corpus: readonly Uint8Array[];
  /** Whether there is time for another batch. */
  readonly hasTime: (executions: number) => boolean;
  readonly onFound: (found: Found) => void;
};

export class Fuzzer {
  readonly #options: FuzzerOptions;
  readonly #coverage = new Coverage();
  readonly #mutator: Mutator;
  readonly #pool: Uint8Array[] = [];
  readonly #known = new Set<string>();

  constructor(options: FuzzerOptions) {
    this.#options = options;
    this.#mutator = new Mutator(options.random, options.target);
  }

  async run(): Promise<Fuzzed> {
    const { target, attempts, corpus, hasTime } = this.#options;
    for (const input of [...target.seeds(), ...corpus]) await this.#keepNew([input]);
    while (hasTime(attempts.executions) && this.#known.size < FINDINGS_MAX) await this.#batch();
    const { executions } = attempts;
    const smallest = await this.#smallest();
    const { blocks } = this.#coverage;
    this.#coverage.close();
    return { executions, blocks, corpus: smallest, findings: this.#known.size };
  }

  async #batch(): Promise<void> {
    const inputs = Array.from({ length: BATCH }, () => this.#next());
    const first = await this.#options.attempts.runAll(inputs);
    if (first !== undefined) await this.#report(first.input, first.found);
    if (!this.#coverage.look()) return;
    this.#coverage.undo();
    await this.#keepNew(inputs.slice(0, BATCH / 2));
    await this.#keepNew(inputs.slice(BATCH / 2));
  }

  #next(): Uint8Array {
    const { random } = this.#options;
    // What was found lately leads on most often.
    const recent = this.#pool.slice(-16);
    const parent = (random.oneIn(3) ? random.pick(recent) : random.pick(this.#pool)) ?? new Uint8Array(0);
    return this.#mutator.mutate(parent, random.pick(this.#pool) ?? parent);
  }

  /** Those that cover something new join the pool. A look is dear, so halves without anything new are passed over. */
  async #keepNew(inputs: readonly Uint8Array[]): Promise<void> {
    for (const input of inputs) {
      const found = await this.#options.attempts.run(input);
      if (found !== undefined) await this.#report(input, found);
    }
    if (!this.#coverage.look()) return;
    if (inputs.length === 1) {
      this.#pool.push(...inputs);
      return;
    }
    this.#coverage.undo();
    const half = inputs.length >> 1;
    await this.#keepNew(inputs.slice(0, half));
    await this.#keepNew(inputs.slice(half));
  }

  async #report(input: Uint8Array, found: unknown): Promise<void> {
    const key = keyOf(found);
    if (this.#known.has(key)) return;
    this.#known.add(key);
    const small = await minimise(this.#options.attempts, input, key, MINIMISE_ATTEMPTS_MAX);
    const text = found instanceof Error ? (found.stack ?? found.message) : String(found);
    this.#options.onFound({ input: small, key, text });
  }

  async #smallest(): Promise<readonly Uint8Array[]> {
    this.#coverage.reset();
    const kept: Uint8Array[] = [];
    let bytes = 0;
    for (const input of this.#pool.toSorted((a, b) => a.length - b.length)) {
      await this.#options.attempts.run(input);
      if (!this.#coverage.look()) continue;
      if (kept.length === CORPUS_FILES_MAX || bytes + input.length > CORPUS_BYTES_MAX) continue;
      kept.push(input);
      bytes += input.length;
    }
    return kept;
  }
}
