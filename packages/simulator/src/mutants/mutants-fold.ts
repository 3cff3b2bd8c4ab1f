/** Seeded bugs of the fold: what a record makes of the tables. Recovery and live run agree on them. */
import type { Mutant } from "./mutant.ts";

const FOLD = "packages/engine/src/partition/";
const END = `${FOLD}attempt-end.ts`;
const JOURNAL = `${FOLD}journal.ts`;
const SIGNALS = `${FOLD}signals.ts`;
const COMPLETION = `${FOLD}completion.ts`;
const LOCKS = `${FOLD}locks.ts`;
const COMMANDS = "packages/engine/src/commands/";

export const foldMutants: readonly Mutant[] = [
  {
    name: "old-attempt-accepted",
    breaks: "What an attempt sends counts also when a newer one has begun.",
    file: `${FOLD}attempt-messages.ts`,
    find: 'known.status !== "running" || known.attempt !== record.attempt',
    replace: 'known.status !== "running"',
  },
  {
    name: "sleep-ends-early",
    breaks: "A sleep ends half a second before its time.",
    file: `${COMMANDS}steps.ts`,
    find: "setTimer(fold, command.wakeUpAt, {",
    replace: "setTimer(fold, command.wakeUpAt - 500, {",
  },
  {
    name: "retry-at-once",
    breaks: "An attempt that failed is followed by the next without a wait.",
    file: END,
    find: "scheduleRetry(fold, row, retryDelay(row, failure, retryPolicy));",
    replace: "scheduleRetry(fold, row, failure.retryDelayMs < 0 ? 1 : failure.retryDelayMs);",
  },
  {
    name: "failures-counted-over-progress",
    breaks: "Failures before the attempt made progress count towards those that are allowed in a row.",
    file: END,
    find: "row.retryCount = 0;\n",
    replace: "",
  },
  {
    name: "lock-kept-by-failure",
    breaks: "An invocation that fails, or is killed, keeps its lock.",
    file: COMPLETION,
    find: "else releaseLock(fold, row);",
    replace: 'else if (result.kind !== "failure") releaseLock(fold, row);',
  },
  {
    name: "newest-waiter-first",
    breaks: "Of those that wait for a lock, the one that came last gets it.",
    file: LOCKS,
    find: "const entryKey = inboxKey(key, object.inboxHead);\n    object.inboxHead += 1;",
    replace: "object.inboxTail -= 1;\n    const entryKey = inboxKey(key, object.inboxTail);",
  },
  {
    name: "queue-lost-behind-a-gap",
    breaks: "Where one that waited for a lock was killed, those behind it are never started.",
    file: LOCKS,
    find: "if (entry === undefined) continue;",
    replace: "if (entry === undefined) return;",
  },
  {
    name: "wakeup-lost-at-suspension",
    breaks: "What arrived while the suspension was on its way does not wake the invocation.",
    file: END,
    find: "if (hasArrived(row, awaiting)) startAttempt(fold, row);",
    replace: "",
  },
  {
    name: "cancel-lost-at-suspension",
    breaks: "A cancel that crossed the suspension does not wake the invocation.",
    file: JOURNAL,
    find: "index === CANCEL_SIGNAL ? row.cancelledInAttempt === row.attempt : row.settledSignals.has(index)",
    replace: "index !== CANCEL_SIGNAL && row.settledSignals.has(index)",
  },
  {
    name: "operation-stays-open",
    breaks: "What an invocation waited for counts as open when its completion has come.",
    file: JOURNAL,
    find: "row.open.delete(completionId);\n  notify(",
    replace: "notify(",
  },
  {
    name: "idempotent-input-not-compared",
    breaks: "Another request under a used idempotency key gets the first one's result.",
    file: `${FOLD}invoke.ts`,
    find: "row.inputHash !== record.inputHash && record.idempotencyKey !== undefined",
    replace: 'row.inputHash !== record.inputHash && record.idempotencyKey === ""',
  },
  {
    name: "cancel-stays-with-the-caller",
    breaks: "A cancel is not passed on to the callees that are waited for.",
    file: SIGNALS,
    find: "for (const callee of calleesIn(row).reverse()) ahead.push(callee);",
    replace: "",
  },
  {
    name: "cancel-passed-to-the-attached",
    breaks: "A cancel is passed on to invocations of others whose outcome is waited for.",
    file: SIGNALS,
    find: 'if (operation.kind === "call") callees.push(operation.detail);',
    replace: 'if (operation.kind === "call" || operation.kind === "attach") callees.push(operation.detail);',
  },
  {
    name: "promise-settled-again",
    breaks: "Whoever settles a durable promise last wins.",
    file: `${FOLD}promises.ts`,
    find: 'if (present !== undefined) return { kind: "already", result: present };',
    replace: "",
  },
  {
    name: "awakeable-settled-again",
    breaks: "An awakeable can be settled a second time.",
    file: SIGNALS,
    find: "if (to.index !== undefined && known.settledSignals.has(to.index))",
    replace: "if (to.index === 0 && known.settledSignals.has(to.index))",
  },
  {
    name: "clear-all-forgets-nothing",
    breaks: "Clearing all state of an object leaves it as it is.",
    file: `${COMMANDS}state.ts`,
    find: "object.state.clear();\n",
    replace: "",
  },
  {
    name: "removed-too-early",
    breaks: "An outcome that its idempotency key needs is removed with the journal.",
    file: COMPLETION,
    find: "row.keptUntil = timeAfter(fold, keptMs);",
    replace: "row.keptUntil = timeAfter(fold, Math.min(keptMs, journalMs));",
  },
  {
    name: "attempt-moves-to-newest-deployment",
    breaks: "An attempt runs on the newest deployment instead of the one its invocation began on.",
    file: `${FOLD}attempt-start.ts`,
    find: "if (row.deployment === undefined) pin(",
    replace: "pin(",
  },
  {
    name: "full-queue-refuses-its-holder",
    breaks: "A full queue refuses whoever has to get on before it can move.",
    file: `${FOLD}submit.ts`,
    find: "holder !== undefined && isHeldUpBy(tables, holder, source.id)",
    replace: 'holder === "" && isHeldUpBy(tables, holder, source.id)',
  },
  {
    name: "attached-not-told",
    breaks: "Whoever attached to an invocation is not told of its end.",
    file: COMPLETION,
    find: "for (const waiter of row.waiters) {",
    replace: 'for (const waiter of row.waiters) {\n    if (waiter.kind === "attach") continue;',
  },
  {
    name: "output-not-the-outcome",
    breaks: "An invocation ends without the output that its handler returned.",
    file: `${FOLD}attempt-messages.ts`,
    find: 'completeInvocation(fold, row, row.output ?? { kind: "void" });',
    replace: 'completeInvocation(fold, row, { kind: "void" });',
  },
  {
    name: "named-signal-counted-twice",
    breaks: "A suspension takes a signal that was received before for one that has just arrived.",
    file: JOURNAL,
    find: "(row.namedSignals.get(name) ?? 0) > consumed",
    replace: "(row.namedSignals.get(name) ?? 0) >= consumed && consumed > 0",
  },
];
