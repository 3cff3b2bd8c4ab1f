/** Seeded bugs of the SDK: what a handler does with its journal. */
import type { Mutant } from "./mutant.ts";

const REPLAY = "packages/sdk/src/replay/";

export const sdkMutants: readonly Mutant[] = [
  {
    name: "recorded-step-executed-again",
    breaks: "Steps start while the journal is still being replayed, whose result may be in it.",
    file: `${REPLAY}session.ts`,
    find: "if (this.#inbox.known === 0 && this.#commands.remaining === 0) this.#steps.release();",
    replace: "this.#steps.release();",
  },
  {
    name: "notifications-all-at-once",
    breaks:
      "Notifications are delivered together, so that combinators see them in another order than on the replay.",
    file: `${REPLAY}inbox.ts`,
    find: "this.#deliverNext();\n      if (!this.isEmpty) this.#schedule();",
    replace: "while (!this.isEmpty) this.#deliverNext();",
  },
  {
    name: "undo-in-order-of-steps",
    breaks: "Steps are taken back in the order in which they were made.",
    file: `${REPLAY}finish.ts`,
    find: "of session.undoables.toReversed()) {",
    replace: "of session.undoables) {",
  },
  {
    name: "step-key-of-the-attempt",
    breaks: "A step that is executed again has another key for the outside.",
    file: `${REPLAY}run-step.ts`,
    find: "return `${this.#invocationId}:${this.#completionId}`;",
    replace: "return `${this.#invocationId}:${this.#completionId * 1_000 + this.attempt}`;",
  },
  {
    name: "step-failures-forgotten",
    breaks: "A step counts its failures from the start in each attempt, and never gives up.",
    file: `${REPLAY}session.ts`,
    find: "for (const [id, count] of start.stepFailures) if (id === completionId) return count;",
    replace: "",
  },
  {
    name: "randomness-of-the-attempt",
    breaks: "A handler's random numbers are others in each attempt.",
    file: "packages/engine/src/partition/attempt-start.ts",
    find: "randomSeed: randomSeedOf(row.seedId),",
    replace: "randomSeed: randomSeedOf(`${row.seedId}${row.attempt}`),",
  },
  {
    name: "lazy-state-taken-for-empty",
    breaks: "A handler that was not sent its state takes it for empty.",
    file: "packages/engine/src/partition/attempt-start.ts",
    find: "partialState: !keyed || settings.lazyState,",
    replace: "partialState: !keyed,",
  },
  {
    name: "cancel-not-thrown",
    breaks: "A cancelled handler goes on with what it waits for.",
    file: `${REPLAY}session.ts`,
    find: "operation.isCancelled = true;\n      operation.reject(error);",
    replace: "operation.isCancelled = true;",
  },
  {
    name: "cleaning-up-interrupted",
    breaks: "A second cancel interrupts a handler that takes back its steps.",
    file: `${REPLAY}session.ts`,
    find: "if (this.#isFinishing) return; // What cleans up is not interrupted.",
    replace: "",
  },
  {
    name: "replayed-state-remembered",
    breaks: "What an earlier attempt fetched is taken for what the state holds now.",
    file: "packages/sdk/src/context/state.ts",
    find: "this.#isExclusive && !isReplay && !this.#isComplete",
    replace: "this.#isExclusive && !this.#isComplete",
  },
];
