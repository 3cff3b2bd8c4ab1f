/**
 * Whether a history of concurrent operations on one object can be explained by some order in which each happened at one
 * moment between its call and its answer. A search in the manner of Wing and Gong, that remembers what it has tried.
 */

/** An operation whose answer was not learned has `returned` infinite and `result` undefined; it may have happened or not. */
export type Operation<Op> = {
  readonly op: Op;
  readonly called: number;
  readonly returned: number;
  /** `undefined`: unknown. */
  readonly result: string | undefined;
};

/** One object by itself. */
export interface SequentialModel<Op, State> {
  readonly initial: State;
  /** The state as text: two that are equal are the same. */
  key(state: State): string;
  apply(state: State, op: Op): { readonly state: State; readonly result: string };
}

export type Verdict = "linearizable" | "not-linearizable" | "undecided";

/** Steps after which the search gives up. */
const STEPS_MAX = 200_000;

export function checkLinearizable<Op, State>(
  model: SequentialModel<Op, State>,
  history: ReadonlyArray<Operation<Op>>,
  stepsMax: number = STEPS_MAX,
): Verdict {
  const operations = [...history].sort((a, b) => a.called - b.called);
  const answered = operations.reduce(
    (mask, { result }, index) => (result === undefined ? mask : mask | (1n << BigInt(index))),
    0n,
  );
  const tried = new Set<string>();
  const ahead: Array<{ readonly done: bigint; readonly state: State }> = [{ done: 0n, state: model.initial }];
  for (let steps = 0; ; steps++) {
    const place = ahead.pop();
    if (place === undefined) return "not-linearizable";
    const { done, state } = place;
    if ((done & answered) === answered) return "linearizable";
    if (steps >= stepsMax) return "undecided";
    for (const index of candidates(operations, done)) {
      const operation = operations[index] as Operation<Op>;
      const next = model.apply(state, operation.op);
      if (operation.result !== undefined && operation.result !== next.result) continue;
      const doneNext = done | (1n << BigInt(index));
      const key = `${doneNext} ${model.key(next.state)}`;
      if (tried.has(key)) continue;
      tried.add(key);
      ahead.push({ done: doneNext, state: next.state });
    }
  }
}

/** Operations that may come next: called before any of those that are left was answered. */
function candidates<Op>(operations: ReadonlyArray<Operation<Op>>, done: bigint): number[] {
  const left: number[] = [];
  let firstAnswer = Number.POSITIVE_INFINITY;
  for (let index = 0; index < operations.length; index++) {
    const operation = operations[index] as Operation<Op>;
    // In order of their calls: nothing from here on was called in time.
    if (operation.called > firstAnswer) break;
    if (((done >> BigInt(index)) & 1n) === 1n) continue;
    left.push(index);
    firstAnswer = Math.min(firstAnswer, operation.returned);
  }
  return left.filter((index) => (operations[index] as Operation<Op>).called <= firstAnswer).reverse();
}

// -- the objects whose calls are judged ----------------------------------------------------------------------------------

/** What a call does to an object that clients can check: a counter answers its new value, a register the value it holds. */
export type ObjectOperation =
  | { readonly object: string; readonly kind: "add"; readonly amount: number }
  | { readonly object: string; readonly kind: "set"; readonly value: string }
  | { readonly object: string; readonly kind: "get" };

const OBJECT_OPERATION = /^object (\S+) (?:add (-?\d+)|set (.*)|(get))$/s;

/** As the `detail` of a client's operation. The name of an object has no spaces. */
export function describeObjectOperation(operation: ObjectOperation): string {
  const { object, kind } = operation;
  if (kind === "add") return `object ${object} add ${operation.amount}`;
  return kind === "set" ? `object ${object} set ${operation.value}` : `object ${object} get`;
}

/** `undefined` for any other text. */
export function parseObjectOperation(detail: string): ObjectOperation | undefined {
  const [, object, amount, value] = OBJECT_OPERATION.exec(detail) ?? [];
  if (object === undefined) return undefined;
  if (amount !== undefined) return { object, kind: "add", amount: Number(amount) };
  return value === undefined ? { object, kind: "get" } : { object, kind: "set", value };
}

/**
 * Counter and register in one: holds a JSON text. An object that was never written holds "0" for `add` and answers "null" to
 * `get`. `set` answers what it was given.
 */
export const objectModel: SequentialModel<ObjectOperation, string | undefined> = {
  initial: undefined,
  key: (state) => state ?? "",
  apply: (state, operation) => {
    if (operation.kind === "get") return { state, result: state ?? "null" };
    const next = operation.kind === "set" ? operation.value : String(Number(state ?? "0") + operation.amount);
    return { state: next, result: next };
  },
};
