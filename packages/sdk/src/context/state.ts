/** State of a key. Answered from what came with the attempt where that is enough, fetched where it is not. */
import { MessageType } from "@holdfast/protocol";

import type { OpenState } from "../context.ts";
import { AttemptOver } from "../replay/attempt-over.ts";
import { neverSettles } from "../replay/durable-promise.ts";
import type { Session } from "../replay/session.ts";
import { readWithoutValue } from "../replay/stored-values.ts";

export class StateOfKey implements OpenState {
  readonly #session: Session;
  /** What is known; `undefined` for a key that is known to be absent. */
  readonly #known: Map<string, Uint8Array | undefined>;
  /** Whether keys outside of `#known` are known to be absent. */
  #isComplete: boolean;
  /** Whether nobody else can change it meanwhile, so that what was fetched stays true. */
  readonly #isExclusive: boolean;

  constructor(session: Session, isExclusive: boolean) {
    this.#session = session;
    this.#known = new Map(session.start.state);
    this.#isComplete = !session.start.partialState;
    this.#isExclusive = isExclusive;
  }

  get<Value = unknown>(key: string): Promise<Value | undefined> {
    const session = this.#session;
    session.assertOutsideStep("ctx.state.get");
    if (!this.#isEager(MessageType.GetEagerState, this.#known.has(key)))
      return this.#fetch(key) as Promise<Value | undefined>;
    const read = { type: MessageType.GetEagerState, key, value: this.#known.get(key) };
    const issued = session.issue(read, this.get);
    if (issued?.type !== MessageType.GetEagerState) return neverSettles();
    const { value } = issued;
    return value === undefined ? Promise.resolve(undefined) : (this.#read(key, value) as Promise<Value>);
  }

  keys(): Promise<readonly string[]> {
    const session = this.#session;
    session.assertOutsideStep("ctx.state.keys");
    if (!this.#isEager(MessageType.GetEagerStateKeys, false)) {
      const build = (completionId: number) => ({ type: MessageType.GetLazyStateKeys, completionId }) as const;
      return session.request("state", "keys", build, readWithoutValue, this.keys).promise as Promise<
        readonly string[]
      >;
    }
    const keys = [...this.#known].filter(([, value]) => value !== undefined).map(([key]) => key);
    const issued = session.issue({ type: MessageType.GetEagerStateKeys, keys: keys.toSorted() }, this.keys);
    return issued?.type === MessageType.GetEagerStateKeys ? Promise.resolve(issued.keys) : neverSettles();
  }

  set(key: string, value: unknown): void {
    const session = this.#session;
    session.assertOutsideStep("ctx.state.set");
    const bytes = session.values.encode(value, `state ${JSON.stringify(key)}`, session.values.state(key));
    const isReplay = session.peekRecorded() !== undefined;
    session.issue({ type: MessageType.SetState, key, value: bytes }, this.set);
    // A write of an earlier attempt is part of the state that came with this one, and others may have written since.
    if (!isReplay) this.#known.set(key, bytes);
  }

  clear(key: string): void {
    const session = this.#session;
    session.assertOutsideStep("ctx.state.clear");
    const isReplay = session.peekRecorded() !== undefined;
    session.issue({ type: MessageType.ClearState, key }, this.clear);
    if (!isReplay) this.#known.set(key, undefined);
  }

  clearAll(): void {
    const session = this.#session;
    session.assertOutsideStep("ctx.state.clearAll");
    const isReplay = session.peekRecorded() !== undefined;
    session.issue({ type: MessageType.ClearAllState }, this.clearAll);
    if (isReplay) return;
    this.#known.clear();
    this.#isComplete = true;
  }

  #read(key: string, stored: Uint8Array): Promise<unknown> {
    const { values } = this.#session;
    try {
      return Promise.resolve(values.decode(stored, values.state(key)));
    } catch (error) {
      return error instanceof AttemptOver ? neverSettles() : Promise.reject(error as Error);
    }
  }

  /**
   * What is fetched is remembered, when it can still be what the state holds. A replayed read tells what was there then:
   * the writes behind it are replayed too, and not remembered. A clear may have come between a read and its answer.
   */
  #fetch(key: string): Promise<unknown> {
    const session = this.#session;
    const isReplay = session.peekRecorded() !== undefined;
    const build = (completionId: number) => ({ type: MessageType.GetLazyState, key, completionId }) as const;
    const read = session.values.reader(session.values.state(key));
    const operation = session.request(
      "state",
      key,
      build,
      (result) => {
        if (this.#isExclusive && !isReplay && !this.#isComplete && !this.#known.has(key)) {
          this.#known.set(key, result.kind === "value" ? result.value : undefined);
        }
        return read(result);
      },
      this.get,
    );
    return operation.promise;
  }

  /** A replay reads as it was read then; otherwise it depends on what is known. */
  #isEager(eagerType: number, isKnown: boolean): boolean {
    const recorded = this.#session.peekRecorded();
    const lazyType =
      eagerType === MessageType.GetEagerState ? MessageType.GetLazyState : MessageType.GetLazyStateKeys;
    if (recorded?.type === eagerType) return true;
    return recorded?.type !== lazyType && (this.#isComplete || isKnown);
  }
}
