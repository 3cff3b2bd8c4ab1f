/**
 * The other side of a session, for tests: keeps a journal, answers what can be answered, and lets the test choose the order.
 * It checks what a real engine relies on: nothing after the end, no command twice, proposals only for what was issued.
 */
import {
  decodeValue,
  encodeValue,
  MessageType,
  type Command,
  type EngineEnd,
  type ErrorMessage,
  type HandlerEndpoint,
  type JournalMessage,
  type Notification,
  type Result,
  type SdkEnd,
  type SdkMessage,
  type StartMessage,
  type SuspensionMessage,
} from "@holdfast/protocol";

export const INVOCATION_ID = "inv_1foAirY4KKzi4tTP0Tg6aeuiRBSQFCQt9k";

export interface FakeEngineOptions {
  readonly endpoint: HandlerEndpoint;
  readonly service: string;
  readonly handler: string;
  readonly key?: string;
  readonly input?: unknown;
  readonly state?: Readonly<Record<string, unknown>>;
  readonly partialState?: boolean;
  /** The journal to begin with. Default: the input alone. */
  readonly journal?: readonly JournalMessage[];
  /** Signals that may come at any time. */
  readonly signals?: readonly Notification[];
  /** What a callee answers. Default: its input. */
  readonly callee?: (handler: string, input: unknown) => Result;
  /** What durable promises hold, by name. */
  readonly promises?: Readonly<Record<string, Result>>;
  /** Picks what to deliver next from `ready`, or nothing for now. Default: the oldest. */
  readonly choose?: (ready: readonly Notification[], engine: FakeEngine) => number | undefined;
  /** Delivers all that `choose` picks in one go. */
  readonly inBatches?: boolean;
  /** What the attempt is recorded and run on. */
  readonly deployments?: { readonly recordedOn: string; readonly deployment: string };
}

/** How an attempt ended. */
export type AttemptEnd =
  | { readonly kind: "completed"; readonly result: Result }
  | { readonly kind: "failed"; readonly error: ErrorMessage }
  | { readonly kind: "suspended"; readonly suspension: SuspensionMessage };

/** Rounds of the event loop without anything to deliver, after which a handler is taken to be waiting. */
const IDLE_ROUNDS = 5;
/** As many that a timer of a few milliseconds fires in between. */
const IDLE_ROUNDS_MAX = 20_000;

export class FakeEngine {
  readonly journal: JournalMessage[];
  /** Everything the SDK sent that is no command, in order. */
  readonly control: SdkMessage[] = [];
  readonly stepFailures = new Map<number, number>();
  attempts = 0;
  readonly #options: FakeEngineOptions;
  /** Could be delivered, and has not been. */
  readonly #ready: Notification[] = [];
  #session: SdkEnd | undefined = undefined;
  #end: AttemptEnd | undefined = undefined;
  /** Steps whose result was proposed in this attempt. */
  #proposed = new Set<number>();
  #output: Result = { kind: "void" };
  #activity = 0;

  constructor(options: FakeEngineOptions) {
    this.#options = options;
    const input: Command = { type: MessageType.Input, headers: [], value: encodeValue(options.input) };
    this.journal = [...(options.journal ?? [input])];
    for (const message of this.journal) {
      if (message.type === MessageType.Output) this.#output = message.result;
      else if (!isNotification(message)) this.#answer(message);
    }
    this.#ready.push(...(options.signals ?? []));
    for (const notification of this.journal.filter(isNotification)) this.#forget(notification);
  }

  /** The commands of the journal. */
  get commands(): readonly Command[] {
    return this.journal.filter((message) => !isNotification(message)) as readonly Command[];
  }

  /** What was delivered, in order. */
  get notifications(): readonly Notification[] {
    return this.journal.filter(isNotification);
  }

  /** What could be delivered now. */
  get ready(): readonly Notification[] {
    return this.#ready;
  }

  /** Lets something become ready that no command asks for. */
  add(notification: Notification): void {
    this.#ready.push(notification);
  }

  /** Attempts until the invocation is completed, paused, or cannot go on. */
  async run(attemptsMax = 20): Promise<AttemptEnd> {
    for (;;) {
      const end = await this.attempt();
      const isRetried = end.kind === "failed" && end.error.behavior === 0;
      // What a suspended handler waits for comes while nothing runs.
      const isWoken = end.kind === "suspended" && (this.#deliverNext() || this.#ready.length > 0);
      if ((!isRetried && !isWoken) || this.attempts >= attemptsMax) return end;
    }
  }

  /** One attempt, until its end. */
  async attempt(): Promise<AttemptEnd> {
    this.begin();
    let idle = 0;
    let seen = -1;
    while (this.#end === undefined) {
      await round();
      idle = this.#activity === seen ? idle + 1 : 0;
      seen = this.#activity;
      if (this.#end !== undefined) break;
      if (this.#deliverSome()) idle = 0;
      else if (idle === IDLE_ROUNDS) this.#session?.receive({ type: MessageType.SuspendRequest });
      else if (idle > IDLE_ROUNDS_MAX) throw new Error("the session neither goes on nor suspends");
    }
    return this.#end;
  }

  /** Opens an attempt without waiting for anything. */
  begin(): SdkEnd {
    this.attempts += 1;
    this.#end = undefined;
    this.#proposed = new Set();
    const known = [...this.journal];
    const engine: EngineEnd = {
      receive: (message) => this.#receive(message),
      closed: (reason) => {
        throw new Error(`closed: ${reason}`);
      },
    };
    const session = this.#options.endpoint.open(this.#start(known.length), engine);
    this.#session = session;
    for (const message of known) session.receive(message);
    return session;
  }

  get end(): AttemptEnd | undefined {
    return this.#end;
  }

  /** Takes one that the journal holds already out of what could be delivered. */
  #forget(notification: Notification): void {
    const known = identity(notification);
    const index = this.#ready.findIndex((candidate) => identity(candidate) === known);
    if (index >= 0) this.#ready.splice(index, 1);
  }

  #start(knownEntries: number): StartMessage {
    const { service, handler, key, partialState, deployments } = this.#options;
    return {
      type: MessageType.Start,
      invocationId: INVOCATION_ID,
      knownEntries,
      // As the engine has it: all of it, or nothing.
      state: partialState === true ? [] : [...this.#state()],
      partialState: partialState ?? false,
      key: key ?? "",
      retryCount: this.attempts - 1,
      sinceLastEntryMs: 0,
      randomSeed: 7n,
      service,
      handler,
      attempt: this.attempts,
      stepFailures: [...this.stepFailures],
      recordedOn: deployments?.recordedOn ?? "",
      deployment: deployments?.deployment ?? "dp_now",
    };
  }

  /** State as the commands of the journal have left it. */
  #state(): Map<string, Uint8Array> {
    const entries = Object.entries(this.#options.state ?? {});
    const state = new Map(entries.map(([name, value]) => [name, encodeValue(value)]));
    for (const command of this.commands) {
      if (command.type === MessageType.SetState) state.set(command.key, command.value);
      else if (command.type === MessageType.ClearState) state.delete(command.key);
      else if (command.type === MessageType.ClearAllState) state.clear();
    }
    return state;
  }

  /** One or several in the same round: the session has to take them one at a time all the same. */
  #deliverSome(): boolean {
    const some = this.#deliverNext();
    if (some && this.#options.inBatches === true) while (this.#deliverNext());
    return some;
  }

  #deliverNext(): boolean {
    const choose = this.#options.choose ?? (() => 0);
    const index = this.#ready.length === 0 ? undefined : choose(this.#ready, this);
    const notification = index === undefined ? undefined : this.#ready[index];
    if (index === undefined || notification === undefined) return false;
    this.#ready.splice(index, 1);
    this.journal.push(notification);
    const id = "completionId" in notification ? notification.completionId : -1;
    if (this.#proposed.has(id)) this.#session?.receive({ type: MessageType.RunAck, completionId: id });
    else this.#session?.receive(notification);
    return true;
  }

  #receive(message: SdkMessage): void {
    if (this.#end !== undefined) throw new Error(`message ${message.type} came after the end`);
    this.#activity += 1;
    switch (message.type) {
      case MessageType.End:
        this.#end = { kind: "completed", result: this.#output };
        return;
      case MessageType.Error:
        this.#end = { kind: "failed", error: message };
        return;
      case MessageType.Suspension:
        this.#end = { kind: "suspended", suspension: message };
        return;
      case MessageType.ProposeRunCompletion:
        this.control.push(message);
        this.#propose(message.completionId, message.result);
        return;
      case MessageType.RunAttemptFailed:
        this.control.push(message);
        this.stepFailures.set(message.completionId, message.failures);
        return;
      case MessageType.Output:
        this.#output = message.result;
        this.journal.push(message);
        return;
      default:
        this.journal.push(message);
        this.#answer(message);
    }
  }

  #propose(completionId: number, result: Result): void {
    const known = this.commands.some(
      (command) => command.type === MessageType.Run && command.completionId === completionId,
    );
    if (!known) throw new Error(`a proposal for step ${completionId}, which was never issued`);
    this.#proposed.add(completionId);
    this.#ready.push({ type: MessageType.RunCompletion, completionId, result });
  }

  #answer(command: Command): void {
    switch (command.type) {
      case MessageType.Sleep:
        this.#complete(MessageType.SleepCompletion, command.completionId, { kind: "void" });
        break;
      case MessageType.Call: {
        const { callee } = this.#options;
        const id = { kind: "invocation-id", id: `inv_of_${command.completionId}` } as const;
        this.#complete(MessageType.CallInvocationIdCompletion, command.invocationIdCompletionId, id);
        const result = callee?.(command.handler, decodeValue(command.parameter)) ?? {
          kind: "value",
          value: command.parameter,
        };
        this.#complete(MessageType.CallCompletion, command.completionId, result);
        break;
      }
      case MessageType.OneWayCall: {
        const id = { kind: "invocation-id", id: `inv_of_${command.invocationIdCompletionId}` } as const;
        this.#complete(MessageType.CallInvocationIdCompletion, command.invocationIdCompletionId, id);
        break;
      }
      case MessageType.GetPromise: {
        const held = this.#options.promises?.[command.key];
        if (held !== undefined) this.#complete(MessageType.GetPromiseCompletion, command.completionId, held);
        break;
      }
      case MessageType.PeekPromise: {
        const held = this.#options.promises?.[command.key] ?? { kind: "void" };
        this.#complete(MessageType.PeekPromiseCompletion, command.completionId, held);
        break;
      }
      case MessageType.CompletePromise: {
        const isFirst = this.#options.promises?.[command.key] === undefined;
        const refused = {
          kind: "failure",
          failure: { code: 409, message: "promise was already completed" },
        } as const;
        this.#complete(
          MessageType.CompletePromiseCompletion,
          command.completionId,
          isFirst ? { kind: "void" } : refused,
        );
        break;
      }
      case MessageType.GetLazyState: {
        const value = this.#state().get(command.key);
        const result =
          value === undefined ? ({ kind: "void" } as const) : ({ kind: "value", value } as const);
        this.#complete(MessageType.GetLazyStateCompletion, command.completionId, result);
        break;
      }
      case MessageType.GetLazyStateKeys: {
        const keys = [...this.#state().keys()].toSorted();
        this.#complete(MessageType.GetLazyStateKeysCompletion, command.completionId, {
          kind: "state-keys",
          keys,
        });
        break;
      }
      case MessageType.Reschedule:
        this.#complete(MessageType.RescheduleCompletion, command.completionId, { kind: "void" });
        break;
      default:
    }
  }

  #complete(
    type: Exclude<Notification["type"], typeof MessageType.Signal>,
    completionId: number,
    result: Extract<Notification, { readonly completionId: number }>["result"],
  ): void {
    this.#ready.push({ type, completionId, result });
  }
}

function isNotification(message: JournalMessage): message is Notification {
  return message.type >= 0x8000;
}

/** Two notifications with the same one answer the same thing. */
export function identity(notification: Notification): string {
  if ("completionId" in notification) return `completion ${notification.completionId}`;
  return `signal ${notification.index ?? notification.signalName} ${JSON.stringify(notification.result)}`;
}

function round(): Promise<void> {
  const { setImmediate } = globalThis as { readonly setImmediate?: (callback: () => void) => void };
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
