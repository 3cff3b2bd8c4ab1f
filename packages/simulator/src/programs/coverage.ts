/** Which verbs ran, which pairs of them in one invocation, and which messages were recorded. */
import { isCommandType, isNotificationType, MessageType, messageTypeName } from "@holdfast/protocol";

import { VERBS, type Verb } from "./verbs.ts";

/** `second` is issued later than `first` by the same attempt of an invocation. */
export type VerbPair = { readonly first: Verb; readonly second: Verb };

type Unreachable = {
  readonly reason: string;
  readonly covers: (pair: VerbPair) => boolean;
};

/** The pairs that no program can reach, each with why. Everything else counts. */
export const UNREACHABLE_PAIRS: readonly Unreachable[] = [
  {
    reason: "Steps are undone after the handler has ended: only undoing others can follow.",
    covers: ({ first, second }) => first === "undo" && second !== "undo",
  },
  {
    reason: "A call that waits for its own lock is made by an object, and objects have no named promises.",
    covers: ({ first, second }) =>
      (first === "call-deadlock" && isOfWorkflow(second)) ||
      (second === "call-deadlock" && isOfWorkflow(first)),
  },
];

/** Shared handlers of a workflow are called with its own key, by its main handler: they count as its own. */
function isOfWorkflow(verb: Verb): boolean {
  return verb.startsWith("promise-") || verb === "call-workflow-shared";
}

export type CoverageReport = {
  readonly verbsSeen: number;
  readonly verbsMissing: readonly Verb[];
  /** Pairs that can be reached. */
  readonly pairs: number;
  readonly pairsSeen: number;
  /** Of the pairs that can be reached. */
  readonly percent: number;
  readonly missingPairs: readonly VerbPair[];
  /** Names of journal messages that were never recorded. */
  readonly messagesMissing: readonly string[];
};

export type CoverageCounts = {
  readonly pairs: ReadonlyArray<readonly [pair: string, count: number]>;
  readonly verbs: ReadonlyArray<readonly [verb: Verb, count: number]>;
  readonly messages: ReadonlyArray<readonly [type: number, count: number]>;
};

export class VerbCoverage {
  /** How often a pair was seen, by "first second". */
  readonly #pairs = new Map<string, number>();
  readonly #verbs = new Map<Verb, number>();
  readonly #messages = new Map<number, number>();
  /** What the newest attempt of each invocation has issued. */
  readonly #attempts = new Map<string, { readonly attempt: number; readonly issued: Set<Verb> }>();

  /** Notes a verb that an attempt issues. Attempts do the same again, so each is counted by itself. */
  note(invocation: string, attempt: number, verb: Verb): void {
    let known = this.#attempts.get(invocation);
    // A zombie's verbs do not come after those of the attempt that replaced it.
    if (known !== undefined && attempt < known.attempt) return;
    if (known === undefined || attempt > known.attempt) {
      known = { attempt, issued: new Set() };
      this.#attempts.set(invocation, known);
    }
    add(this.#verbs, verb, 1);
    for (const first of known.issued) add(this.#pairs, pairKey({ first, second: verb }), 1);
    known.issued.add(verb);
  }

  /** Notes a command or notification that was recorded in a journal. */
  noteMessage(type: number): void {
    add(this.#messages, type, 1);
  }

  /** What it has counted, as data: `of` makes a coverage of it again, in another process. */
  counts(): CoverageCounts {
    return { pairs: [...this.#pairs], verbs: [...this.#verbs], messages: [...this.#messages] };
  }

  static of({ pairs, verbs, messages }: CoverageCounts): VerbCoverage {
    const coverage = new VerbCoverage();
    for (const [pair, count] of pairs) add(coverage.#pairs, pair, count);
    for (const [verb, count] of verbs) add(coverage.#verbs, verb, count);
    for (const [type, count] of messages) add(coverage.#messages, type, count);
    return coverage;
  }

  /** Takes in what another has counted, e.g. that of another run. */
  merge(other: VerbCoverage): void {
    for (const [verb, count] of other.#verbs) add(this.#verbs, verb, count);
    for (const [pair, count] of other.#pairs) add(this.#pairs, pair, count);
    for (const [type, count] of other.#messages) add(this.#messages, type, count);
  }

  /** `leftOut`: verbs that the run could not issue, e.g. because its options forbid them. */
  report(leftOut: ReadonlySet<Verb> = new Set()): CoverageReport {
    const verbs = VERBS.filter((verb) => !leftOut.has(verb));
    const pairs = reachablePairs(verbs);
    const missingPairs = pairs.filter((pair) => !this.#pairs.has(pairKey(pair)));
    const verbsMissing = verbs.filter((verb) => !this.#verbs.has(verb));
    const pairsSeen = pairs.length - missingPairs.length;
    return {
      verbsSeen: verbs.length - verbsMissing.length,
      verbsMissing,
      pairs: pairs.length,
      pairsSeen,
      percent: (100 * pairsSeen) / pairs.length,
      missingPairs,
      messagesMissing: JOURNAL_TYPES.filter((type) => !this.#messages.has(type)).map(messageTypeName),
    };
  }
}

/** Commands and notifications. */
const JOURNAL_TYPES: readonly number[] = Object.values(MessageType).filter(
  (type) => isCommandType(type) || isNotificationType(type),
);

function reachablePairs(verbs: readonly Verb[]): readonly VerbPair[] {
  return verbs
    .flatMap((first) => verbs.map((second) => ({ first, second })))
    .filter((pair) => !UNREACHABLE_PAIRS.some(({ covers }) => covers(pair)));
}

function pairKey({ first, second }: VerbPair): string {
  return `${first} ${second}`;
}

function add<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
