/**
 * Histories wider than what a well-behaved world does: every record kind and every message type, with whatever a broken
 * handler, an odd setting or an impatient operator may put into them. Made from a list of numbers, so that a property test
 * can make, repeat and shrink them.
 */
import { defaultFoldSettings, type RecordBody } from "@holdfast/engine";
import {
  object,
  service,
  sessionMessage,
  workflow,
  World,
  type WorldWatcher,
} from "@holdfast/engine/testing";
import {
  encodeMessage,
  ErrorBehavior,
  formatAwakeableId,
  formatInvocationId,
  MessageType,
  type EndpointManifest,
  type InvocationTarget,
  type RestateEndpoint,
  type Result,
  type SdkMessage,
  type ServiceManifest,
} from "@holdfast/protocol";

const KEYS = ["ada", "bob"];
const NAMES = ["x", "y"];
/** More invocations than this make a history slow and tell nothing new. */
const INVOCATIONS_MAX = 16;
const FOREVER = Number.MAX_SAFE_INTEGER;

const SERVICES: readonly ServiceManifest[] = [
  service("mail", ["send", "list"], { idempotencyRetentionMs: 300 }),
  object("cart", ["add", "shared show"], { retryPolicy: { maxAttempts: 3, onMaxAttempts: "kill" } }),
  object("lazy", ["add"], { lazyState: true, journalRetentionMs: 0 }),
  workflow("flow", ["ask"], { workflowRetentionMs: 2_000 }),
  service("hasty", ["go"], { retryPolicy: { initialIntervalMs: 0, factor: 5, maxAttempts: 6 } }),
];
/** Endpoints of Restate's SDKs: what one records, another may be too old or too new for. */
const RESTATES: readonly RestateEndpoint[] = [
  { minProtocolVersion: 5, maxProtocolVersion: 7, mode: "bidirectional", http: "2" },
  { minProtocolVersion: 5, maxProtocolVersion: 5, mode: "request-response", http: "1.1" },
];
/** Versions of the same names that break what called them. */
const OTHER_SERVICES: readonly ServiceManifest[] = [
  service("mail", ["send"]),
  object("cart", ["add", "show"]),
  object("mail", ["send", "list"]),
  object("flow", ["run", "ask"]),
];

export function playWideHistory(numbers: readonly number[], applied?: WorldWatcher["applied"]): World {
  const history = new WideHistory(numbers, applied);
  while (!history.isOver) history.step();
  return history.world;
}

class WideHistory {
  readonly world: World;
  readonly #numbers: readonly number[];
  #at = 0;
  /** Records that were applied, by which unfinished business is told from finished. */
  #made = 0;

  constructor(numbers: readonly number[], applied?: WorldWatcher["applied"]) {
    this.#numbers = numbers;
    const settings = this.#settings();
    this.world = new World({
      monitored: false,
      settings,
      services: SERVICES,
      ...(applied === undefined ? {} : { watcher: { applied } }),
    });
  }

  get isOver(): boolean {
    return this.#at >= this.#numbers.length;
  }

  #below(limit: number): number {
    const number = this.#numbers[this.#at] ?? 0;
    this.#at += 1;
    return number % limit;
  }

  #oneOf<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)] as T;
  }

  #settings() {
    return {
      journalRetentionMs: this.#oneOf([1_000, 10_000, 100_000, 0, FOREVER]),
      idempotencyRetentionMs: this.#oneOf([5_000, 50_000, 0, 50]),
      workflowRetentionMs: this.#oneOf([5_000, 50_000, 0]),
      journalEntriesMax: this.#oneOf([40, 100, 8]),
      // Far from what the words of failures add up to: two of the large values have room, a third has not.
      journalBytesMax: 100_000,
      inboxMax: this.#oneOf([1, 3]),
      stateValueBytesMax: 6,
      stateBytesMax: 12,
      restateVersionMax: this.#oneOf([6, 7, 5]),
      retryPolicy: {
        ...defaultFoldSettings.retryPolicy,
        initialIntervalMs: this.#oneOf([10, 1, 0, 8_000]),
        factor: this.#oneOf([3, 1, 1.5]),
        maxIntervalMs: this.#oneOf([500, 20_000]),
        maxAttempts: this.#oneOf([4, 100, 1]),
      },
    };
  }

  // -- choices ---------------------------------------------------------------------------------------------------------

  #ids(status?: string): string[] {
    const rows = [...this.world.tables.invocations.all()].map(([, row]) => row);
    return rows
      .filter((row) => status === undefined || row.status === status)
      .map(({ id }) => id)
      .sort();
  }

  #id(): string {
    const ids = this.#ids();
    return ids.length === 0 || this.#below(12) === 11 ? "nobody" : this.#oneOf(ids);
  }

  #deployment(): string {
    const ids = [...this.world.tables.deployments.all()].map(([id]) => id);
    return this.#oneOf([...ids.sort(), "nowhere"]);
  }

  #address() {
    const key = this.#oneOf(KEYS);
    const known = [
      { service: "mail", handler: "send", key: "" },
      { service: "cart", handler: "add", key },
      { service: "cart", handler: "add", key },
      { service: "cart", handler: "show", key },
      { service: "lazy", handler: "add", key },
      { service: "flow", handler: "run", key },
      { service: "flow", handler: "ask", key },
      { service: "hasty", handler: "go", key: "" },
    ];
    if (this.#below(12) < 11) return this.#oneOf(known);
    return this.#oneOf([
      { service: "nothing", handler: "x", key },
      { service: "mail", handler: "nothing", key: "" },
      { service: "mail", handler: "send", key },
      { service: "cart", handler: "add", key: "" },
    ]);
  }

  #result(): Result {
    const value = Uint8Array.of(120 + this.#below(3));
    return this.#oneOf<Result>([
      { kind: "value", value },
      { kind: "void" },
      { kind: "failure", failure: { code: 418, message: "no", metadata: [["data", "1"]] } },
    ]);
  }

  #idempotencyKey(): { readonly idempotencyKey?: string } {
    const key = this.#oneOf([undefined, undefined, "k1", "k2", ""]);
    return key === undefined ? {} : { idempotencyKey: key };
  }

  /** A time: now, soon, later, long ago, or as late as can be. */
  #time(): number {
    const { now } = this.world;
    return this.#oneOf([0, now, now + 30, now + 2_000, now - 50, FOREVER]);
  }

  #apply(body: RecordBody): void {
    this.#made += 1;
    this.world.apply(body);
  }

  // -- records ---------------------------------------------------------------------------------------------------------

  step(): void {
    const kind = this.#below(64);
    if (kind < 36) this.#attempt();
    else if (kind < 43) this.#invoke();
    else if (kind < 47) this.world.advance(this.#oneOf([10, 0, 200, 3_000, 10, 200, 100_000]));
    else if (kind < 51) this.#outside();
    else if (kind < 57) this.#operator();
    else if (kind < 59) this.#deployments();
    else this.#odd();
  }

  #invoke(): void {
    if (this.#ids().length >= INVOCATIONS_MAX) return;
    const address = this.#address();
    const { idempotencyKey } = this.#idempotencyKey();
    const served = this.world.tables.service(address.service)?.handlers.get(address.handler)?.kind;
    const kind = this.#below(20) === 19 ? "shared" : (served ?? "plain");
    const parameter = Uint8Array.of(this.#below(2));
    const isNamed = idempotencyKey !== undefined || kind === "run";
    const id = isNamed ? this.world.idOf(address, idempotencyKey) : this.#newId();
    const input = encodeMessage({ type: MessageType.Input, headers: [["h", "1"]], value: parameter });
    const inputHash = parameter[0] ?? 0;
    const source = { kind: "ingress", id: "" } as const;
    const startAt = this.#below(3) === 2 ? this.#time() : 0;
    const target = { ...address, kind };
    this.#apply({ kind: "invoke", id, target, input, inputHash, idempotencyKey, startAt, source });
  }

  /** Of the form that awakeable ids are made from. */
  #newId(): string {
    return formatInvocationId(new Uint8Array(24).fill(this.#made % 250));
  }

  #outside(): void {
    const id = this.#id();
    if (this.#below(3) < 2) {
      const index = this.#oneOf([17, 18, 1, undefined, 0, 16]);
      const name = index === undefined ? this.#oneOf(NAMES) : undefined;
      this.#apply({ kind: "signal", id, index, name, result: this.#result(), cause: "ingress" });
      return;
    }
    const [key, name] = [this.#oneOf(KEYS), this.#oneOf(NAMES)];
    const target = this.#oneOf(["flow", "flow", "flow", "cart", "nothing"]);
    this.#apply({ kind: "complete-promise", service: target, key, name, result: this.#result() });
  }

  #operator(): void {
    const id = this.#id();
    const deployment = this.#oneOf([undefined, this.#deployment()]);
    const done = this.#ids("completed");
    const again = done.length > 0 && this.#below(3) < 2 ? this.#oneOf(done) : id;
    const newId = this.#newId();
    const restart = (fromCommand: number): RecordBody => {
      return { kind: "restart", id: again, newId: `${newId}~${this.#made}`, fromCommand, deployment };
    };
    const bodies: readonly RecordBody[] = [
      { kind: "cancel", id },
      { kind: "kill", id },
      { kind: "pause", id },
      { kind: "resume", id, deployment },
      { kind: "resume", id, deployment },
      restart(this.#below(4)),
      restart(0),
      { kind: "purge", id, journalOnly: this.#below(2) === 1 },
      { kind: "reschedule", id, startAt: this.#time() },
      { kind: "expire", ids: [...this.#ids(), "nobody"], budget: this.#below(3) === 2 },
    ];
    this.#apply(this.#oneOf(bodies));
  }

  #deployments(): void {
    const kind = this.#below(8);
    if (kind < 2) {
      this.#apply({ kind: "remove-deployment", id: this.#deployment(), force: this.#below(8) === 7 });
      return;
    }
    const changed = this.#below(4) === 3 ? [this.#oneOf(OTHER_SERVICES)] : [];
    const names = new Set(changed.map(({ name }) => name));
    const kept = SERVICES.filter(({ name }) => !names.has(name) && this.#below(24) < 23);
    const url = this.#oneOf([`http://d${this.#made}`, "http://dp1", "http://other"]);
    const services = [...kept, ...changed];
    const restate = this.#oneOf([undefined, undefined, ...RESTATES]);
    const plain: EndpointManifest = { wires: ["native"], sdk: "test", runtime: "test", services };
    const manifest = restate === undefined ? plain : { ...plain, restate };
    const headers = this.#oneOf([{}, {}, { authorization: "x" }]);
    if (kind === 2) {
      this.#apply({ kind: "update-deployment", id: this.#deployment(), url, headers, manifest });
      return;
    }
    this.#apply({
      kind: "register-deployment",
      id: `d${this.#made}`,
      url,
      manifest,
      metadata: {},
      headers,
      force: this.#below(3) === 2,
      breaking: this.#below(3) === 2,
      dryRun: this.#below(4) === 3,
    });
  }

  #odd(): void {
    const kind = this.#below(6);
    if (kind === 0) {
      const settings = { ...defaultFoldSettings, ...this.#settings() };
      this.#apply({ kind: "engine-started", epoch: 1 + this.#made, settings });
    } else if (kind === 1) {
      const keys = [...this.world.tables.timers.all()].map(([key]) => key);
      this.#apply({ kind: "timers-fired", keys: [...keys.slice(0, 2), ...keys.slice(0, 1), "what is this"] });
    } else if (kind === 2) {
      const entries = [[this.#oneOf(NAMES), new Uint8Array(this.#below(9))]] as const;
      const target = this.#oneOf(["cart", "lazy", "flow", "mail", "nothing"]);
      const expectedVersion = this.#oneOf([-1, 0, 1]);
      const key = this.#oneOf(KEYS);
      this.#apply({ kind: "patch-state", service: target, key, expectedVersion, entries });
    } else if (kind === 3) {
      const service = this.#oneOf(["cart", "flow", "mail", "nothing"]);
      const name = this.#oneOf([
        "journalRetentionMs",
        "workflowRetentionMs",
        "idempotencyRetentionMs",
      ] as const);
      this.#apply({ kind: "configure-service", service, options: { [name]: this.#oneOf([0, 50, 10_000]) } });
    } else this.#lose();
  }

  #lose(): void {
    const running = this.#ids("running");
    const id = running.length > 0 && this.#below(4) < 3 ? this.#oneOf(running) : this.#id();
    this.#apply({
      kind: "attempt-lost",
      id,
      attempt: this.world.tables.invocations.get(id)?.attempt ?? 1,
      code: this.#oneOf(["connection-lost", "abort-timeout"]),
      message: "lost",
      counted: this.#below(2) === 1,
      pause: this.#below(6) === 5,
      retryDelayMs: this.#oneOf([-1, -1, 0, 40]),
    });
  }

  // -- messages --------------------------------------------------------------------------------------------------------

  #attempt(): void {
    const running = this.#ids("running");
    if (running.length === 0) return;
    const id = this.#oneOf(running);
    const childIds: string[] = [];
    const messages = Array.from({ length: 1 + this.#below(3) }, () => this.#messages(id, childIds)).flat();
    const isStale = this.#below(30) === 29;
    const attempt = (this.world.tables.invocations.get(id)?.attempt ?? 0) - (isStale ? 1 : 0);
    const broken = { type: MessageType.Run, body: Uint8Array.of(0xff, 0xff), message: undefined };
    const sent = messages.map(sessionMessage);
    if (this.#below(40) === 39) sent.push(broken);
    this.#apply({ kind: "attempt-messages", id, attempt, messages: sent, childIds });
  }

  /** As the SDK counts, and at times as it must not. */
  #completionId(id: string): number {
    return this.#below(20) === 19 ? 1 + this.#below(4) : this.world.takeCompletionId(id);
  }

  #open(id: string): number[] {
    return [...(this.world.tables.invocations.get(id)?.open.keys() ?? [])];
  }

  #messages(id: string, childIds: string[]): SdkMessage[] {
    const kind = this.#below(12);
    if (kind < 9) return [this.#message(id, childIds)];
    if (kind === 9) return [{ type: MessageType.Output, result: this.#result() }, { type: MessageType.End }];
    const completionId = this.world.takeCompletionId(id);
    const proposal = {
      type: MessageType.ProposeRunCompletion,
      completionId,
      result: this.#result(),
    } as const;
    return [{ type: MessageType.Run, completionId }, proposal];
  }

  #message(id: string, childIds: string[]): SdkMessage {
    const kind = this.#below(34);
    if (kind < 5) return this.#suspension(id);
    if (kind < 10) return this.#callOrAttach(id, childIds);
    if (kind < 13) return this.#settle(id);
    if (kind < 17) return this.#end();
    const completionId = this.#completionId(id);
    const [key, result] = [this.#oneOf(NAMES), this.#result()];
    const value = new Uint8Array(this.#below(8));
    const signal = this.#oneOf([{ index: 17 }, { index: 1 }, { signalName: key }, { index: 5 }]);
    const awakeable = formatAwakeableId(this.#newId(), this.#oneOf([17, 18, 2]));
    return this.#oneOf<SdkMessage>([
      { type: MessageType.Run, completionId, name: key },
      { type: MessageType.Run, completionId },
      { type: MessageType.Sleep, completionId, wakeUpAt: this.#time() },
      { type: MessageType.SetState, key, value },
      { type: MessageType.SetState, key, value },
      { type: MessageType.ClearState, key },
      { type: MessageType.ClearAllState },
      { type: MessageType.GetLazyState, key, completionId },
      { type: MessageType.GetLazyStateKeys, completionId },
      {
        type: MessageType.GetEagerState,
        key,
        value: this.#below(2) === 1 ? new Uint8Array(40_000) : undefined,
      },
      { type: MessageType.GetEagerStateKeys, keys: [key] },
      { type: MessageType.GetPromise, key, completionId },
      { type: MessageType.GetPromise, key, completionId },
      { type: MessageType.PeekPromise, key, completionId },
      { type: MessageType.CompletePromise, key, result, completionId },
      { type: MessageType.SendSignal, target: this.#addressee(id), ...signal, result },
      { type: MessageType.CompleteAwakeable, awakeableId: this.#oneOf([awakeable, "no id"]), result },
      { type: MessageType.Reschedule, target: this.#id(), invokeAt: this.#time(), completionId },
    ]);
  }

  /** Often one that the sender has called. */
  #addressee(id: string): string {
    const rows = [...this.world.tables.invocations.all()].map(([, row]) => row);
    const children = rows.filter(({ source }) => source.id === id).map((row) => row.id);
    return children.length > 0 && this.#below(3) < 2 ? this.#oneOf(children.sort()) : this.#id();
  }

  #suspension(id: string): SdkMessage {
    const open = this.#open(id).filter(() => this.#below(4) < 3);
    const completions = this.#below(12) === 11 ? [...open, 1 + this.#below(6)] : open;
    const signals = this.#oneOf([[1], [], [17], [1, 18]]);
    const received = this.world.tables.invocations.get(id)?.namedSignals.get("x") ?? 0;
    const consumed = Math.max(0, received - this.#below(2));
    const namedSignals = this.#below(3) === 2 ? ([["x", consumed]] as const) : [];
    return { type: MessageType.Suspension, completions, signals, namedSignals };
  }

  #callOrAttach(id: string, childIds: string[]): SdkMessage {
    const completionId = this.#completionId(id);
    if (this.#below(3) === 2 || this.#ids().length >= INVOCATIONS_MAX) {
      const target = this.#target();
      childIds.push(target.id);
      const type = this.#oneOf([MessageType.AttachInvocation, MessageType.GetInvocationOutput]);
      return { type, target: target.named, completionId };
    }
    const address = this.#address();
    const keyed = this.#idempotencyKey();
    childIds.push(this.world.idOf(address, keyed.idempotencyKey, id));
    const call = { ...address, ...keyed, parameter: Uint8Array.of(this.#below(2)), headers: [] };
    const invocationIdCompletionId = this.#completionId(id);
    if (this.#below(3) < 2)
      return { type: MessageType.Call, ...call, invocationIdCompletionId, completionId };
    return { type: MessageType.OneWayCall, ...call, invokeAt: this.#time(), invocationIdCompletionId };
  }

  #target(): { readonly id: string; readonly named: InvocationTarget } {
    const id = this.#id();
    const key = this.#oneOf(KEYS);
    if (this.#below(3) < 2) return { id, named: { kind: "invocation", id } };
    return { id: `wf:flow/${key}`, named: { kind: "workflow", service: "flow", key } };
  }

  #settle(id: string): SdkMessage {
    const completionId = this.#oneOf([...this.#open(id), 1 + this.#below(6)]);
    const result = this.#result();
    if (this.#below(3) < 2) return { type: MessageType.ProposeRunCompletion, completionId, result };
    const failure = { code: 500, message: "down" };
    const failures = 1 + this.#below(3);
    return { type: MessageType.RunAttemptFailed, completionId, failure, failures, nextDelayMs: 10 };
  }

  #end(): SdkMessage {
    const kind = this.#below(5);
    if (kind < 2) return { type: MessageType.Output, result: this.#result() };
    if (kind === 2) return { type: MessageType.End };
    const nextRetryDelayMs = this.#oneOf([undefined, undefined, 0, 70, FOREVER]);
    return {
      type: MessageType.Error,
      code: this.#oneOf([500, 570, 571, 404, 0, 700]),
      message: "no",
      stacktrace: "",
      behavior: this.#oneOf([
        ErrorBehavior.Retry,
        ErrorBehavior.Retry,
        ErrorBehavior.Pause,
        ErrorBehavior.Fail,
      ]),
      ...(nextRetryDelayMs === undefined ? {} : { nextRetryDelayMs }),
    };
  }
}
