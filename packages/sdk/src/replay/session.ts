/**
 * The SDK's end of one attempt: replays what the journal holds, then goes on live. No I/O, no clock and no randomness of
 * its own; what it sends depends only on the messages it gets, on what the handler does, and on its environment.
 *
 * Why a replay ends like the first time: the handler gets its notifications one at a time, in the order of the journal,
 * each only after everything the one before set in motion has run (`inbox.ts`). So its commands are a function of the
 * notifications before them, whatever combination of promises it awaits.
 */
import {
  CANCEL_SIGNAL,
  MessageType,
  type Command,
  type EngineEnd,
  type EngineMessage,
  type ErrorMessage,
  type InputCommand,
  type Notification,
  type SdkEnd,
  type SdkMessage,
  type StartMessage,
} from "@holdfast/protocol";

import type { RunOptions, StepScope } from "../context.ts";
import { CancelledError, NestedOperationError, TerminalError } from "../errors.ts";
import type { StandardSchema } from "../standard-schema.ts";
import { handlerError, protocolViolation } from "./attempt-error.ts";
import type { CallSites, Entry } from "./call-site.ts";
import { CommandStream, type CommandStreamHost, type IssuedCommand } from "./command-stream.ts";
import { DurablePromise } from "./durable-promise.ts";
import type { Environment } from "./environment.ts";
import { finishHandler, type FinishHost, type Outcome, type Undoable } from "./finish.ts";
import { Inbox, type Incoming, type InboxReader } from "./inbox.ts";
import { OperationTable } from "./operation-table.ts";
import { Operation, type Awaited, type OperationKind, type Reader } from "./operation.ts";
import { RunStep, type StepHost } from "./run-step.ts";
import { Steps } from "./steps.ts";
import { StoredValues } from "./stored-values.ts";
import { decideSuspension } from "./suspension.ts";

/** What runs in a session. */
export interface Program {
  readonly callSites: CallSites;
  readonly output: StandardSchema | undefined;
  /** Calls the handler, and `session.handlerStarted` right after. May throw, or return a promise. */
  invoke(session: Session, input: InputCommand): unknown;
}

export class Session implements SdkEnd, StepHost, InboxReader, FinishHost, CommandStreamHost {
  readonly start: StartMessage;
  readonly environment: Environment;
  readonly values: StoredValues = new StoredValues(this);
  /** Steps with an undo function, in the order they were started. */
  readonly undoables: Undoable[] = [];
  readonly #engine: EngineEnd;
  readonly #program: Program;
  readonly #commands: CommandStream;
  readonly #operations = new OperationTable();
  readonly #inbox: Inbox;
  readonly #steps = new Steps();
  #entriesMissing: number;
  #input: InputCommand | undefined = undefined;
  #isOver = false;
  /** The handler has ended. What is left is to record that, and branches it has abandoned have no say any more. */
  #isFinishing = false;
  #isCancelPending = false;
  #suspendRequested = false;
  /** There was a wait long enough to end the attempt for without being asked. */
  #waitsLong = false;
  #isQuietCheckScheduled = false;
  #guardDepth = 0;
  #lastCompletionId = 0;
  #abortController: AbortController | undefined = undefined;
  #abortReason: Error | undefined = undefined;

  constructor(start: StartMessage, engine: EngineEnd, environment: Environment, program: Program) {
    this.start = start;
    this.environment = environment;
    this.#engine = engine;
    this.#program = program;
    this.#inbox = new Inbox(environment.turns, this);
    this.#commands = new CommandStream(this);
    this.#entriesMissing = start.knownEntries;
    if (start.knownEntries < 1) this.#refuse("a journal has at least one entry, the input");
  }

  // -- the engine's side -----------------------------------------------------------------------------------------------

  receive(message: EngineMessage): void {
    if (this.#isOver) return;
    if (message.type === MessageType.SuspendRequest) {
      this.#suspendRequested = true;
      this.#scheduleQuietCheck();
    } else if (message.type === MessageType.Start) {
      this.#refuse("a second Start");
    } else if (this.#entriesMissing > 0) {
      this.#load(message);
    } else if (isIncoming(message)) {
      this.#inbox.push(message);
    } else {
      this.#refuse("a command that is not part of the journal");
    }
  }

  abort(reason: string): void {
    if (!this.#isOver) this.#close(new Error(`the attempt was aborted: ${reason}`));
  }

  #load(message: EngineMessage): void {
    this.#entriesMissing -= 1;
    if (isIncoming(message)) this.#inbox.load(message);
    else if (message.type === MessageType.Input) this.#input = message;
    else this.#commands.load(message as Command);
    if (this.#entriesMissing === 0) queueMicrotask(() => this.#begin());
  }

  #begin(): void {
    if (this.#isOver) return;
    const input = this.#input;
    if (input === undefined) {
      this.#end(protocolViolation("a journal without an input"));
      return;
    }
    if (this.#inbox.known === 0 && this.#commands.remaining === 0) this.#steps.release();
    let result: unknown;
    try {
      result = this.#program.invoke(this, input);
    } catch (error) {
      this.#finish({ kind: "threw", error });
      return;
    }
    Promise.resolve(result).then(
      (value) => this.#finish({ kind: "returned", value }),
      (error: unknown) => this.#finish({ kind: "threw", error }),
    );
  }

  handlerStarted(): void {
    this.#inbox.open();
    if (!this.#steps.mayStart && this.#inbox.known === 0) {
      this.environment.turns.whenQuiet(() => this.knownDelivered());
    }
  }

  deliver(message: Incoming): void {
    if (message.type === MessageType.RunAck) this.#acknowledge(message.completionId);
    else if (message.type === MessageType.Signal && message.index === CANCEL_SIGNAL) this.#cancel();
    else this.#settle(message);
    if (this.#suspendRequested || this.#waitsLong) this.#scheduleQuietCheck();
  }

  #settle(notification: Notification): void {
    if (notification.type === MessageType.Signal) {
      this.#operations.deliverSignal(notification);
      return;
    }
    const operation = this.#operations.complete(notification.completionId, notification.result);
    if (operation === undefined) return;
    if (operation.step !== undefined) this.#steps.settled(operation.step as RunStep);
    if (operation.call !== undefined) this.#learnCallee(operation.call, notification);
  }

  #acknowledge(completionId: number): void {
    const step = this.#operations.byCompletion(completionId)?.step as RunStep | undefined;
    if (step?.proposal === undefined) {
      this.#refuse(`an acknowledgement of step ${completionId}, for which nothing was proposed`);
      return;
    }
    this.#steps.settled(step);
    this.#operations.complete(completionId, step.proposal);
  }

  /** Everything the journal held has been delivered. What has no result yet may run now, if the code is where it was. */
  knownDelivered(): void {
    if (this.#isOver || !this.#commands.checkComplete()) return;
    this.#steps.release();
    this.#scheduleQuietCheck();
  }

  describeAwaited(): string {
    const shown = (name: string): string => (name === "" ? "" : JSON.stringify(name));
    return this.#operations
      .awaited()
      .map(({ kind, name }) => `ctx.${kind}(${shown(name)})`)
      .join(", ");
  }

  // -- the handler's side ----------------------------------------------------------------------------------------------

  get callSites(): CallSites {
    return this.#program.callSites;
  }

  /** Whether the handler only repeats what it did before. */
  get isReplaying(): boolean {
    return this.#commands.remaining > 0 || this.#inbox.known > 0;
  }

  get invocationId(): string {
    return this.start.invocationId;
  }

  /** Aborts when the attempt is over before the handler has returned. */
  get abortSignal(): AbortSignal {
    if (this.#abortController === undefined) {
      this.#abortController = new AbortController();
      if (this.#abortReason !== undefined) this.#abortController.abort(this.#abortReason);
    }
    return this.#abortController.signal;
  }

  /** Throws when the context is used inside a step. */
  assertOutsideStep(what: string): void {
    if (this.#guardDepth === 0 && this.environment.scope?.current() !== this) return;
    throw new NestedOperationError(
      `${what} was used inside the function of a ctx.run. A step is recorded as a whole, so nothing in it can be durable by ` +
        "itself: call it before or after the step, and pass the result in.",
    );
  }

  /** The next recorded command, for operations whose form depends on it. */
  peekRecorded(): Command | undefined {
    return this.#commands.peek();
  }

  /** An id for what a command of the handler's completes beside its own, given before its own. */
  nextCompletionId(entry: Entry): number {
    return this.#ignores(entry) ? 0 : this.#takeCompletionId();
  }

  #takeCompletionId(): number {
    this.#lastCompletionId += 1;
    return this.#lastCompletionId;
  }

  #ignores(entry: Entry | undefined): boolean {
    return this.#isOver || (this.#isFinishing && entry !== undefined);
  }

  /**
   * Gives a command its place in the journal. Returns the recorded one on a replay, the command itself when it is new, and
   * `undefined` when the attempt is over.
   *
   * @param entry The function of the SDK that the user called; none for what the SDK does by itself.
   */
  issue(command: IssuedCommand, entry?: Entry): Command | undefined {
    if (this.#ignores(entry)) return undefined;
    const wasReplay = this.#commands.remaining > 0;
    const issued = this.#commands.issue(command, entry);
    if (wasReplay && this.#commands.remaining === 0 && this.#inbox.known === 0) {
      this.environment.turns.whenQuiet(() => this.knownDelivered());
    }
    return issued;
  }

  /**
   * Something the handler waits for that begins with a command of its own. Comes back rejected when a cancel has been
   * waiting for somebody to tell, and never settles when the attempt is over.
   */
  request<Value>(
    kind: OperationKind,
    name: string,
    build: (completionId: number) => IssuedCommand,
    read: Reader<Value>,
    entry: Entry,
  ): Operation<Value> {
    const completionId = this.nextCompletionId(entry);
    const operation = new Operation(kind, name, { kind: "completion", id: completionId }, read);
    if (this.#rejectIfCancelled(operation as Operation)) return operation;
    const issued = this.issue(build(completionId), entry);
    if (issued === undefined) return operation;
    if (issued.type === MessageType.Sleep) {
      operation.wakeUpAt = issued.wakeUpAt;
      this.#noteWait(issued.wakeUpAt);
    }
    this.#operations.add(operation as Operation);
    return operation;
  }

  /** Something the handler waits for that others bring about without a command of ours. */
  expect<Value>(kind: OperationKind, name: string, awaits: Awaited, read: Reader<Value>): Operation<Value> {
    const operation = new Operation(kind, name, awaits, read);
    if (!this.#isOver && !this.#rejectIfCancelled(operation as Operation))
      this.#operations.add(operation as Operation);
    return operation;
  }

  /** Runs a step, or takes its recorded result. */
  run(
    name: string,
    run: (scope: StepScope) => unknown,
    options?: RunOptions<unknown>,
    entry?: Entry,
  ): DurablePromise<unknown> {
    const completionId = this.#ignores(entry) ? 0 : this.#takeCompletionId();
    const place = this.values.step(completionId);
    const read = this.values.reader(place);
    const operation = new Operation("run", name, { kind: "completion", id: completionId }, read);
    if (this.#rejectIfCancelled(operation)) return operation.promise;
    const failures = failuresOf(this.start, completionId);
    const step = new RunStep(this, operation, {
      run,
      options,
      place,
      completionId,
      commandIndex: this.#commands.nextIndex,
      failures,
    });
    if (this.issue({ type: MessageType.Run, completionId, name }, entry) === undefined)
      return operation.promise;
    operation.step = step;
    this.#operations.add(operation);
    if (options?.undo !== undefined) this.undoables.push({ step, undo: options.undo });
    if (operation.isSettled) return operation.promise;
    this.#steps.add(step);
    return operation.promise;
  }

  send(message: SdkMessage): void {
    if (!this.#isOver) this.#engine.receive(message);
  }

  guard<Value>(run: () => Value): Value {
    const { scope } = this.environment;
    this.#guardDepth += 1;
    try {
      return scope === undefined ? run() : scope.run(this, run);
    } finally {
      this.#guardDepth -= 1;
    }
  }

  stepChanged(step: RunStep): void {
    if (step.state === "backing off") this.#noteWait(step.retryAt);
    if (this.#suspendRequested || this.#waitsLong) this.#scheduleQuietCheck();
  }

  /** Something that takes time begins. Long waits end the attempt without being asked. */
  #noteWait(until: number): void {
    if (until - this.environment.now() < this.environment.suspendSleepMs) return;
    this.#waitsLong = true;
    this.#scheduleQuietCheck();
  }

  // -- cancelling ------------------------------------------------------------------------------------------------------

  #cancel(): void {
    if (this.#isFinishing) return; // What cleans up is not interrupted.
    this.#isCancelPending = this.#operations.awaited().length === 0;
    const error = new CancelledError();
    for (const operation of this.#operations.unsettled()) {
      operation.isCancelled = true;
      operation.reject(error);
    }
    this.#steps.drop(error);
  }

  #rejectIfCancelled(operation: Operation): boolean {
    if (!this.#isCancelPending) return false;
    this.#isCancelPending = false;
    operation.isCancelled = true;
    operation.reject(new CancelledError());
    return true;
  }

  /**
   * The engine passes a cancel on to the callees it knows. A call that was on its way to it at that moment became known
   * only afterwards: that callee is cancelled from here.
   */
  #learnCallee(call: Operation, { result }: Notification): void {
    if (result.kind === "invocation-id" && call.isCancelled) this.cancelInvocation(result.id);
  }

  cancelInvocation(target: string, entry?: Entry): void {
    this.issue(
      { type: MessageType.SendSignal, target, index: CANCEL_SIGNAL, result: { kind: "void" } },
      entry,
    );
  }

  // -- the end ---------------------------------------------------------------------------------------------------------

  #finish(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isFinishing = true;
    if (outcome.kind === "threw" && outcome.error instanceof TerminalError) this.#steps.drop(outcome.error);
    void finishHandler(this, outcome, this.#program.output); // Reports its own errors.
  }

  whenQuiet(): Promise<void> {
    return new Promise((resolve) => this.environment.turns.whenQuiet(resolve));
  }

  /** In the order they were created. */
  unsettledOperations(): readonly Operation[] {
    return this.#operations.unsettled();
  }

  /** Ends the attempt, and the invocation with the recorded output as its outcome. */
  complete(): void {
    if (this.#isOver) return;
    this.#engine.receive({ type: MessageType.End });
    this.#close(undefined);
  }

  /** Ends the attempt because of an error that is not the invocation's outcome. */
  failWith(error: unknown): void {
    if (!this.#isOver) this.#end(handlerError(error));
  }

  fail(error: ErrorMessage): void {
    if (!this.#isOver) this.#end(error);
  }

  #end(error: ErrorMessage): void {
    this.#engine.receive(error);
    this.#close(new Error(error.message));
  }

  /** For what the engine must not do. It is calling, and must not be called back from here. */
  #refuse(what: string): void {
    queueMicrotask(() => this.fail(protocolViolation(what)));
  }

  #scheduleQuietCheck(): void {
    if (this.#isQuietCheckScheduled || this.#isOver) return;
    this.#isQuietCheckScheduled = true;
    this.environment.turns.whenQuiet(() => {
      this.#isQuietCheckScheduled = false;
      if (!this.#isOver && this.#steps.mayStart && this.#inbox.isEmpty) this.#suspendIfPossible();
    });
  }

  #suspendIfPossible(): void {
    const awaited = this.#operations.awaited();
    const decision = decideSuspension({
      environment: this.environment,
      awaited,
      active: this.#steps.active,
      isRequested: this.#suspendRequested,
    });
    if (decision.kind === "end") {
      this.#end(decision.error);
    } else if (decision.kind === "suspend") {
      this.#engine.receive(this.#operations.suspensionFor(awaited));
      this.#close(SUSPENDED);
    }
  }

  /** After this nothing is sent, and what the handler still awaits never settles. */
  #close(abortReason: Error | undefined): void {
    this.#isOver = true;
    this.#inbox.close();
    this.#commands.close();
    this.#steps.close(abortReason ?? RETURNED);
    if (abortReason === undefined) return;
    this.#abortReason = abortReason;
    this.#abortController?.abort(abortReason);
  }
}

function isIncoming(message: EngineMessage): message is Incoming {
  return message.type === MessageType.RunAck || message.type >= FIRST_NOTIFICATION;
}

const FIRST_NOTIFICATION = 0x8000;

// Made once: recording a stack would cost more than the rest of an attempt.
const SUSPENDED = new Error("the attempt was suspended");
const RETURNED = new Error("the handler has returned");

function failuresOf(start: StartMessage, completionId: number): number {
  for (const [id, count] of start.stepFailures) if (id === completionId) return count;
  return 0;
}
