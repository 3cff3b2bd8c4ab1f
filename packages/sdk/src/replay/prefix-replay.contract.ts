/**
 * What every handler must satisfy: a replay from any point ends like the first time. It is run with notifications in a given
 * order, and then again from each prefix of the journal that it left.
 */
import assert from "node:assert/strict";

import {
  encodeValue,
  MessageType,
  type JournalMessage,
  type Notification,
  type Result,
} from "@holdfast/protocol";

import { inProcessEndpoint } from "../endpoint/in-process.ts";
import { FakeEngine, identity, type AttemptEnd, type FakeEngineOptions } from "./fake-engine.ts";
import type { ReplayProgram } from "./replay-programs.ts";

const PROMISES: Readonly<Record<string, Result>> = {
  held: { kind: "value", value: encodeValue("it") },
  refused: { kind: "failure", failure: { code: 500, message: "refused" } },
};

/** An engine for the program, in which waiting takes no time. */
export function optionsFor(
  program: ReplayProgram,
  suspendSleepMs = Number.POSITIVE_INFINITY,
): FakeEngineOptions {
  const endpoint = inProcessEndpoint(
    [program.definition],
    { log: () => {} },
    {
      now: () => 1_000_000,
      timers: { set: soon },
      suspendSleepMs,
    },
  );
  return {
    endpoint,
    service: program.service,
    handler: program.handler,
    key: "key",
    state: { count: 3, other: "x" },
    promises: PROMISES,
    signals: program.signals ?? [],
  };
}

function soon(_ms: number, callback: () => void): () => void {
  const handle = setImmediate(callback);
  return () => clearImmediate(handle);
}

/** Delivers in the order of the given journal, each as soon as the commands before it there are there. */
export function inTheOrderOf(journal: readonly JournalMessage[]): NonNullable<FakeEngineOptions["choose"]> {
  let commandsBefore = 0;
  const order: Array<{ readonly wanted: string; readonly commandsBefore: number }> = [];
  for (const message of journal) {
    if (message.type < 0x8000) commandsBefore += 1;
    else order.push({ wanted: identity(message as Notification), commandsBefore });
  }
  let skipped = 0;
  let patience = PATIENCE_ROUNDS;
  return (ready, engine) => {
    const next = order[engine.notifications.length + skipped];
    if (next === undefined || engine.commands.length < next.commandsBefore) return undefined;
    const index = ready.findIndex((candidate) => identity(candidate) === next.wanted);
    if (index >= 0) {
      patience = PATIENCE_ROUNDS;
      return index;
    }
    // A step that was given up before its result was recorded does not run again, so that result will not come.
    patience -= 1;
    if (patience > 0) return undefined;
    patience = PATIENCE_ROUNDS;
    skipped += 1;
    return undefined;
  };
}

const PATIENCE_ROUNDS = 4;

function shown(end: AttemptEnd): unknown {
  if (end.kind !== "completed") return end;
  const { result } = end;
  // The stack of a failure depends on how the handler got there.
  return result.kind === "failure" ? { code: result.failure.code, message: result.failure.message } : result;
}

/** `choices` decides what is delivered when. Fails the test when a replay differs. */
export async function replayAllPrefixes(
  options: FakeEngineOptions,
  choices: Iterator<number>,
): Promise<void> {
  const next = (): number => choices.next().value ?? 0;
  const choose: FakeEngineOptions["choose"] = (ready) => (next() < 3 ? undefined : next() % ready.length);
  const original = new FakeEngine({ ...options, choose });
  const outcome = await original.run();
  assert.equal(outcome.kind, "completed", JSON.stringify(outcome));

  for (let length = 1; length <= original.journal.length; length++) {
    const prefix = original.journal.slice(0, length);
    const again = new FakeEngine({ ...options, journal: prefix, choose: inTheOrderOf(original.journal) });
    const end = await again.run();
    assert.deepEqual(shown(end), shown(outcome), `from ${length} of ${original.journal.length} entries`);
    assert.deepEqual(
      again.commands.map(comparable),
      original.commands.map(comparable),
      `from ${length} of ${original.journal.length} entries`,
    );
  }
}

/** Without what only people read. */
function comparable(message: JournalMessage): unknown {
  if (message.type === MessageType.Output && message.result.kind === "failure") {
    const { code, message: text } = message.result.failure;
    return { type: message.type, code, text };
  }
  if ("result" in message && message.result.kind === "failure") {
    return { ...message, callSite: undefined, result: { ...message.result.failure, metadata: undefined } };
  }
  return { ...message, callSite: undefined };
}
