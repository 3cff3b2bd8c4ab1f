/** What happens after the handler: checking and recording its result, or undoing its steps and recording its failure. */
import { MessageType, type Failure, type OutputCommand } from "@holdfast/protocol";

import type { RunOptions, StepScope, Undo } from "../context.ts";
import { PauseError, TerminalError, UnawaitedOperationError } from "../errors.ts";
import type { StandardSchema } from "../standard-schema.ts";
import { failureOf } from "./failure.ts";
import type { Operation, OperationKind } from "./operation.ts";
import type { RunStep } from "./run-step.ts";
import type { StoredValues } from "./stored-values.ts";
import { describeIssues, validate } from "./validate.ts";

export type Outcome =
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "threw"; readonly error: unknown };

/** A step that has to be taken back when the invocation fails. */
export interface Undoable {
  readonly step: RunStep;
  readonly undo: NonNullable<RunOptions<unknown>["undo"]>;
}

/** What finishing needs of the session. */
export interface FinishHost {
  readonly undoables: readonly Undoable[];
  readonly values: StoredValues;
  unsettledOperations(): readonly Operation[];
  /** Everything that is in motion now has run. */
  whenQuiet(): Promise<void>;
  issue(command: OutputCommand): unknown;
  run(name: string, run: (scope: StepScope) => unknown, options: RunOptions<unknown>): Promise<unknown>;
  complete(): void;
  failWith(error: unknown): void;
}

export async function finishHandler(
  session: FinishHost,
  outcome: Outcome,
  output: StandardSchema | undefined,
): Promise<void> {
  try {
    if (outcome.kind === "returned") await succeed(session, outcome.value, output);
    else if (outcome.error instanceof TerminalError) await failTerminally(session, outcome.error);
    else throw outcome.error;
  } catch (error) {
    session.failWith(error);
  }
}

async function succeed(
  session: FinishHost,
  value: unknown,
  output: StandardSchema | undefined,
): Promise<void> {
  // A branch that the handler has left behind may be about to await what it started.
  if (forgottenOf(session.unsettledOperations()) !== undefined) await session.whenQuiet();
  refuseForgotten(forgottenOf(session.unsettledOperations()));
  const checked = output === undefined ? { value } : await validate(output, value);
  if (checked.issues !== undefined) {
    throw new PauseError(
      `the result does not fit the handler's output schema: ${describeIssues(checked.issues)}`,
    );
  }
  const bytes = session.values.encode(checked.value, "result of the handler", session.values.output());
  session.issue({ type: MessageType.Output, result: { kind: "value", value: bytes } });
  session.complete();
}

/** Started, neither finished nor ever awaited: its outcome would be lost, and most likely an `await` is missing. */
const MUST_BE_AWAITED: ReadonlySet<OperationKind> = new Set([
  "run",
  "sleep",
  "call",
  "promise",
  "signal",
  "attach",
]);

function forgottenOf(unsettled: readonly Operation[]): Operation | undefined {
  return unsettled.find(({ kind, promise }) => MUST_BE_AWAITED.has(kind) && !promise.awaited);
}

function refuseForgotten(forgotten: Operation | undefined): void {
  if (forgotten === undefined) return;
  const what = `ctx.${forgotten.kind}(${forgotten.name === "" ? "" : JSON.stringify(forgotten.name)})`;
  const instead =
    forgotten.kind === "call"
      ? "write `await`, or use ctx.send for what nobody waits for"
      : "write `await` before it";
  throw new UnawaitedOperationError(
    `the handler returned while ${what} was still going on, and nobody ever awaited it: ${instead}.`,
  );
}

async function failTerminally(session: FinishHost, error: TerminalError): Promise<void> {
  const notUndone: string[] = [];
  for (const undoable of session.undoables.toReversed()) {
    if (undoable.step.outcome?.kind === "failure") continue; // It recorded that it did nothing.
    const failed = await undo(session, undoable);
    if (failed !== undefined) notUndone.push(`${undoable.step.name}: ${failed.message}`);
  }
  const failure = failureOf(error);
  session.issue({
    type: MessageType.Output,
    result: { kind: "failure", failure: withNotUndone(failure, notUndone) },
  });
  session.complete();
}

/** Resolves with what kept the step from being undone, when the undo function says that nothing can be done. */
async function undo(
  session: FinishHost,
  { step, undo: given }: Undoable,
): Promise<TerminalError | undefined> {
  const { run: take, ...options } = typeof given === "function" ? { run: given } : given;
  const run = (scope: StepScope): unknown => {
    const { outcome } = step;
    const result = outcome === undefined ? undefined : session.values.reader(step.place)(outcome);
    return (take as Undo<unknown>)(result, scope);
  };
  try {
    await session.run(`undo ${step.name}`, run, options);
    return undefined;
  } catch (error) {
    if (error instanceof TerminalError) return error;
    throw error;
  }
}

/** Tells operators which steps are still done. */
function withNotUndone(failure: Failure, notUndone: readonly string[]): Failure {
  if (notUndone.length === 0) return failure;
  return {
    ...failure,
    metadata: [...(failure.metadata ?? []), ["holdfast.not-undone", notUndone.join("\n")]],
  };
}
