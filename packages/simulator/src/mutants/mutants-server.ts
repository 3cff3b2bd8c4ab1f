/** Seeded bugs of the parts that act: batches, timers, attempts, the wire, the ingress. */
import type { Mutant } from "./mutant.ts";

const PARTITION = "packages/server/src/partition/";
const PROCESSOR = `${PARTITION}processor.ts`;
const INVOKER = "packages/server/src/invoker/invoker.ts";
const ADD = "this.#batcher.add(applied, done === ignore ? undefined : done, waits);";

export const serverMutants: readonly Mutant[] = [
  {
    name: "effects-before-durable",
    breaks: "Handlers are told what a record came to when it is applied, not when it is durable.",
    file: PROCESSOR,
    find: ADD,
    replace: `for (const effect of applied.effects) if (effect.kind !== "completed") this.#perform(effect);
      const completed = applied.effects.filter(({ kind }) => kind === "completed");
      this.#batcher.add({ ...applied, effects: completed }, done === ignore ? undefined : done, waits);`,
  },
  {
    name: "outcome-told-before-durable",
    breaks: "Whoever proposed a record is told that it is accepted before it is durable.",
    file: PROCESSOR,
    find: ADD,
    replace: `this.#batcher.add(applied, undefined, waits);
      if (done !== ignore) queueMicrotask(() => done(applied.outcome));`,
  },
  {
    name: "result-told-before-durable",
    breaks: "Callers are told an invocation's result before it is durable.",
    file: PROCESSOR,
    find: ADD,
    replace: `${ADD}
      for (const effect of applied.effects) if (effect.kind === "completed") this.#announce(effect.id, effect.result);`,
  },
  {
    name: "result-read-before-durable",
    breaks:
      "Whoever asks for an outcome is answered from the tables, however far those are ahead of the log.",
    file: PROCESSOR,
    find: "if (durablePosition >= appliedPosition) tell();",
    replace: "if (durablePosition >= 0 || appliedPosition >= 0) tell();",
  },
  {
    name: "recovery-skips-a-batch",
    breaks: "Recovery applies the log from one batch too late on.",
    file: PROCESSOR,
    find: "options.log.read(options.store.appliedPosition() + 1)",
    replace: "options.log.read(Math.min(options.log.tail() + 1, options.store.appliedPosition() + 2))",
  },
  {
    name: "running-attempts-forgotten",
    breaks: "An engine that starts again leaves invocations that were running as they are.",
    file: PROCESSOR,
    find: "this.#startAnew(running);",
    replace: "",
  },
  {
    name: "timers-not-loaded",
    breaks: "An engine that starts again knows only the timers that are set from then on.",
    file: `${PARTITION}timer-service.ts`,
    find: 'this.#load("");\n',
    replace: "",
  },
  {
    name: "clock-goes-back",
    breaks: "The time of a record is the machine's, also when that was set back.",
    file: `${PARTITION}engine-clock.ts`,
    find: "this.#last = Math.max(this.#last, wall, Math.floor(this.#origin + elapsed));",
    replace: "this.#last = wall;",
  },
  {
    name: "refused-batches-out-of-order",
    breaks: "A batch that the full disk refused is repeated behind those that came after it.",
    file: `${PARTITION}batcher.ts`,
    find: "this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, { batch, payload });",
    replace: "this.#waiting.splice(behind, 0, { batch, payload });",
  },
  {
    name: "retention-never-looks",
    breaks: "Nothing is ever removed because its time is over.",
    file: `${PARTITION}retention.ts`,
    find: "start(): void {\n    this.#wait();",
    replace: "start(): void {",
  },
  {
    name: "idempotency-key-ignored",
    breaks: "The id of an invocation does not follow from its idempotency key.",
    file: `${PARTITION}invocation-ids.ts`,
    find: "if (idempotencyKey !== undefined) {",
    replace: 'if (idempotencyKey === "") {',
  },
  {
    name: "missed-notifications-dropped",
    breaks: "What came while an attempt waited for a free place is not handed over when it starts.",
    file: INVOKER,
    find: "for (const missed of waiting.missed) this.#deliver(missed);",
    replace: "",
  },
  {
    name: "place-of-attempt-leaks",
    breaks: "An attempt that has ended keeps its place, and those that wait for one wait for ever.",
    file: INVOKER,
    find: "if (attempt.isOver) this.#remove(attempt);\n",
    replace: "",
  },
  {
    name: "step-acknowledged-before-durable",
    breaks: "A handler is told that its step's result is recorded when it arrives.",
    file: INVOKER,
    find: "this.#dirty.push(attempt);",
    replace: `this.#dirty.push(attempt);
      if (message.type === MessageType.ProposeRunCompletion) attempt.session?.ackRun(message.completionId);`,
  },
  {
    name: "aborted-attempt-goes-on",
    breaks: "The session of an attempt that was killed or paused stays open.",
    file: INVOKER,
    find: "attempt.session?.abort(reason);\n    this.#remove(attempt);",
    replace: "this.#remove(attempt);",
  },
  {
    name: "credit-not-granted-back",
    breaks: "What a handler sent is taken care of, and its credit is never given back.",
    file: INVOKER,
    find: "() => attempt.session?.consumed(taken.bytes)",
    replace: "() => {}",
  },
  {
    name: "waiting-frame-overtaken",
    breaks: "A notification that fits into the credit overtakes those that wait for credit.",
    file: "packages/server/src/invoker/native-connection.ts",
    find: "if (session.credit <= 0 || session.queue.length > 0) session.queue.push({ type, body });",
    replace: "if (session.credit - body.length <= 0) session.queue.push({ type, body });",
  },
];
