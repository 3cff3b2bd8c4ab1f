/**
 * Which places of the product's source have run: V8's own block coverage, read in the same thread. Nothing is
 * instrumented by us, so what is measured is the code as it is.
 *
 * V8 tells ranges of source text with counts, inner ranges inside of outer ones, and leaves out a range that ran as often
 * as the one around it. So ranges cannot be compared between two looks; characters can. A block is the text between two
 * neighbouring ends of ranges that V8 has ever told.
 */
import { Session, type Profiler } from "node:inspector";

/** Sources of the product. */
const OURS = /\/packages\/(?:protocol|engine|server|sdk|client|cli)\/src\/(?!.*\.(?:test|contract)\.ts)/;

type Script = {
  /** For each character: 1 when it has run. */
  covered: Uint8Array;
  /** Ends of ranges seen so far. */
  readonly ends: Set<number>;
};

export class Coverage {
  readonly #session = new Session();
  readonly #scripts = new Map<string, Script>();
  #now = new Uint8Array(0);
  /** What the last look found first. */
  readonly #newest: Array<{ readonly covered: Uint8Array; readonly at: number }> = [];

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Takes what has run since the last look. True when there was a place among it that had not run before. */
  look(): boolean {
    let taken: readonly Profiler.ScriptCoverage[] = [];
    // In the same thread the answer comes within the call.
    this.#session.post("Profiler.takePreciseCoverage", (error, answer) => {
      if (error !== null) throw error;
      taken = answer.result;
    });
    this.#newest.length = 0;
    for (const script of taken) if (OURS.test(script.url)) this.#add(script);
    return this.#newest.length > 0;
  }

  /** Takes the last look back: what it found counts as not run yet. */
  undo(): void {
    for (const { covered, at } of this.#newest) covered[at] = 0;
    this.#newest.length = 0;
  }

  /** Nothing counts as run yet. */
  reset(): void {
    this.look();
    for (const { covered } of this.#scripts.values()) covered.fill(0);
  }

  #add({ url, functions }: Profiler.ScriptCoverage): void {
    let length = 0;
    for (const { ranges } of functions) length = Math.max(length, ranges[0]?.endOffset ?? 0);
    const script = this.#scriptOf(url, length);
    if (this.#now.length < length) this.#now = new Uint8Array(length * 2);
    const now = this.#now.fill(0, 0, length);
    // Outer functions come before inner ones, and so do ranges.
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        script.ends.add(startOffset).add(endOffset);
        now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
      }
    }
    const { covered } = script;
    for (let at = 0; at < length; at++) {
      if (now[at] === 0 || covered[at] !== 0) continue;
      covered[at] = 1;
      this.#newest.push({ covered, at });
    }
  }

  #scriptOf(url: string, length: number): Script {
    let script = this.#scripts.get(url);
    if (script === undefined)
      this.#scripts.set(url, (script = { covered: new Uint8Array(0), ends: new Set() }));
    if (script.covered.length < length) {
      const longer = new Uint8Array(length);
      longer.set(script.covered);
      script.covered = longer;
    }
    return script;
  }

  /** Blocks that have run. */
  get blocks(): number {
    let blocks = 0;
    for (const { covered, ends } of this.#scripts.values()) {
      for (const start of ends) if (covered[start] === 1) blocks += 1;
    }
    return blocks;
  }

  close(): void {
    this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }
}
