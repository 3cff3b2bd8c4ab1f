/** Cancel and kill: CAN-1 (told once, and whoever is awaited too), CAN-2 (nothing after the end), CAN-3 (one wins). */
import type { JournalEntry } from "@holdfast/engine";
import { CANCEL_SIGNAL, MessageType, type Result } from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { messageOf, notificationOf } from "./entries.ts";
import type { Judge, Monitor } from "./monitor.ts";
import type { EventOf, WorldEvent } from "./world-event.ts";

/** What was known of an invocation before the record that is being followed. */
type Course = {
  readonly account: Account;
  hasBegun: boolean;
  hasEnded: boolean;
  /** Callees that it waits for, by the completion id of the call. */
  readonly callees: Map<number, string>;
  /** Calls whose callee's id is not told yet: completion id of the call by that of the id. */
  readonly calls: Map<number, number>;
};

export class CancelMonitor implements Monitor {
  readonly ids = ["CAN-1", "CAN-2", "CAN-3"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #courses = new Map<string, Course>();
  readonly #sent = new Map<number, { readonly verb: string; readonly invocation: string }>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  follow(step: Step): void {
    const { body } = step.record;
    this.#checkAfterEnd(step);
    if (body.kind === "cancel" || body.kind === "kill") this.#checkWinner(step, body.kind, body.id);
    if (body.kind === "cancel") this.#checkCancel(step, body.id);
    if (body.kind === "kill" && step.outcome.ok) this.#checkKill(step, body.id);
    this.#note(step);
  }

  /** An invocation that has ended gets no entry and no attempt any more. */
  #checkAfterEnd({ appended, effects, position }: Step): void {
    for (const { account } of appended) {
      if (this.#hasEnded(account))
        this.#judge.breaks(
          "CAN-2",
          `position ${position} appended to the journal of ${account.id}, which had ended`,
        );
    }
    for (const effect of effects) {
      if (effect.kind !== "start-attempt" && effect.kind !== "deliver" && effect.kind !== "ack-run") continue;
      const account = this.#fold.account(effect.id);
      if (account !== undefined && this.#hasEnded(account))
        this.#judge.breaks(
          "CAN-2",
          `position ${position} has the effect ${effect.kind} for ${effect.id}, which had ended`,
        );
    }
  }

  /** Before the record that is being followed. Another one may have its id by now. */
  #hasEnded(account: Account): boolean {
    const course = this.#courses.get(account.id);
    return course?.account === account && course.hasEnded;
  }

  /** Whichever came first in the log. */
  #checkWinner({ outcome, position, removed }: Step, kind: string, id: string): void {
    const course = this.#courses.get(id);
    // What keeps nothing is removed by the record that ends it.
    const wasThere = course !== undefined && (!course.account.isRemoved || removed.includes(course.account));
    const isLive = wasThere && !course.hasEnded;
    this.#judge.holds(
      "CAN-3",
      outcome.ok === isLive,
      () =>
        `${kind} of ${id} at position ${position} was ${outcome.ok ? "accepted" : "refused"}, and it ${isLive ? "had not ended" : "had ended, or is none"}`,
    );
  }

  #liveTree(root: string): Course[] {
    const ids = new Set([root]);
    const courses: Course[] = [];
    for (const id of ids) {
      const course = this.#courses.get(id);
      if (course === undefined || course.hasEnded) continue;
      courses.push(course);
      for (const callee of course.callees.values()) ids.add(callee);
    }
    return courses;
  }

  #checkCancel(step: Step, root: string): void {
    const signals = cancelSignals(step);
    const tree = step.outcome.ok ? this.#liveTree(root) : [];
    for (const { account, hasBegun } of tree) {
      const told = signals.get(account) ?? 0;
      signals.delete(account);
      this.#judge.holds(
        "CAN-1",
        // What had not begun ends; unless what ends before it lets it begin, in the same record.
        told === 1 || (!hasBegun && account.outcome !== undefined && told === 0),
        () =>
          `cancel of ${root} told ${account.id} ${told} times, which had ${hasBegun ? "" : "not "}begun and has ${account.outcome === undefined ? "not " : ""}ended`,
      );
    }
    this.#judge.holds(
      "CAN-1",
      signals.size === 0,
      () =>
        `cancel of ${root} told ${[...signals.keys()].map(({ id }) => id).join(", ")}, which it does not wait for`,
    );
  }

  #checkKill({ position }: Step, root: string): void {
    for (const { account } of this.#liveTree(root)) {
      this.#judge.holds(
        "CAN-2",
        account.outcome !== undefined,
        () => `kill of ${root} at position ${position} left ${account.id} without an outcome`,
      );
    }
  }

  #note({ created, appended, effects }: Step): void {
    for (const account of created) {
      const unknown = { callees: new Map<number, string>(), calls: new Map<number, number>() };
      this.#courses.set(account.id, { account, hasBegun: false, hasEnded: false, ...unknown });
    }
    for (const { account, entry } of appended) {
      const course = this.#courses.get(account.id);
      // Whoever continues the journal of another does not wait for that one's callees.
      if (course !== undefined && entry.attempt !== 0) noteCall(course, entry);
    }
    for (const effect of effects) {
      const course = "id" in effect ? this.#courses.get(effect.id) : undefined;
      if (course === undefined) continue;
      if (effect.kind === "start-attempt") course.hasBegun = true;
      if (effect.kind === "completed") course.hasEnded = true;
    }
  }

  observe(event: WorldEvent): void {
    switch (event.kind) {
      case "client-sent":
        if ((event.verb === "cancel" || event.verb === "kill") && event.invocation !== undefined)
          this.#sent.set(event.operation, { verb: event.verb, invocation: event.invocation });
        return;
      case "client-told":
        this.#hear(event);
        return;
      case "attempt-started":
      case "delivered":
        this.#checkAct(event);
        return;
      default:
    }
  }

  /** Everybody agrees with the log on who won. */
  #hear({ operation, outcome, status }: EventOf<"client-told">): void {
    const sent = this.#sent.get(operation);
    this.#sent.delete(operation);
    const account = sent === undefined ? undefined : this.#fold.account(sent.invocation);
    if (sent === undefined || account === undefined) return;
    const result = account.outcome?.result;
    if (outcome === "ok" && sent.verb === "kill") {
      this.#judge.holds(
        "CAN-3",
        result !== undefined && isKilled(result),
        () => `a client was told that ${account.id} is killed, and its outcome is ${result?.kind}`,
      );
    }
    if (outcome === "refused" && status === HAS_COMPLETED) {
      this.#judge.holds(
        "CAN-3",
        result !== undefined,
        () => `a client was told that ${account.id} has completed, and it has no outcome`,
      );
    }
  }

  /** What was on its way when an invocation was killed may still arrive; what began after it may not. */
  #checkAct({ kind, invocation, attempt }: EventOf<"attempt-started" | "delivered">): void {
    const account = this.#fold.account(invocation);
    if (account?.outcome === undefined || !isKilled(account.outcome.result)) return;
    this.#judge.holds(
      "CAN-2",
      attempt <= account.attempt,
      () => `${kind}: attempt ${attempt} of ${invocation}, which was killed in attempt ${account.attempt}`,
    );
  }
}

/** Status of an answer that says so. */
const HAS_COMPLETED = 409;

function isKilled(result: Result): boolean {
  return result.kind === "failure" && result.failure.code === 409 && result.failure.message === "killed";
}

function noteCall(course: Course, entry: JournalEntry): void {
  if (entry.type === MessageType.Call) {
    const call = messageOf(entry);
    if (call.type === MessageType.Call) course.calls.set(call.invocationIdCompletionId, call.completionId);
    return;
  }
  const notification = notificationOf(entry);
  if (notification === undefined || notification.type === MessageType.Signal) return;
  const { type, completionId, result } = notification;
  if (type === MessageType.CallCompletion) course.callees.delete(completionId);
  const call = course.calls.get(completionId);
  if (call !== undefined && result.kind === "invocation-id") {
    course.calls.delete(completionId);
    course.callees.set(call, result.id);
  }
}

/** How many cancels the record appended, by whose journal. */
function cancelSignals({ appended }: Step): Map<Account, number> {
  const signals = new Map<Account, number>();
  for (const { account, entry } of appended) {
    const notification = notificationOf(entry);
    if (notification?.type !== MessageType.Signal || notification.index !== CANCEL_SIGNAL) continue;
    signals.set(account, (signals.get(account) ?? 0) + 1);
  }
  return signals;
}
