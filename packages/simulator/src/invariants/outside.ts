/**
 * What clients see: EXT-2 (what was acknowledged stays), EXT-3 (one object behaves as one). EXT-1 is with the steps.
 *
 * Submitting under an idempotency key is a register that is written once: there is an order for what clients were told if, and
 * only if, all were told the same. That is INV-3, and not looked for again here.
 */
import type { Account, DurableFold } from "./durable-fold.ts";
import {
  checkLinearizable,
  objectModel,
  parseObjectOperation,
  type ObjectOperation,
  type Operation,
} from "./linearizability.ts";
import type { Judge, Monitor } from "./monitor.ts";
import type { EventOf, WorldEvent } from "./world-event.ts";

const SUBMIT_VERBS = new Set(["call", "send"]);
const RESULT_VERBS = new Set(["call", "attach", "output"]);
const QUERY_VERBS = new Set(["attach", "output", "status"]);

/** Operations on one object that are judged: the search's worst case grows beyond all bounds. The first ones count. */
const OPERATIONS_MAX = 400;

type Sent = {
  readonly event: EventOf<"client-sent">;
  readonly called: number;
  /** The one it asks about was acknowledged before it asked; and a client had been told of its end. */
  readonly acknowledged: Account | undefined;
  readonly ended: boolean;
};

type Answered = {
  readonly sent: Sent;
  readonly told: EventOf<"client-told"> | undefined;
  readonly returned: number;
};

export class OutsideMonitor implements Monitor {
  readonly ids = ["EXT-2", "EXT-3"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #sent = new Map<number, Sent>();
  readonly #acknowledged = new Map<string, Account>();
  readonly #ended = new Set<Account>();
  readonly #objects = new Map<string, Answered[]>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  observe(event: WorldEvent, _at: number, sequence: number): void {
    if (event.kind === "client-sent") this.#send(event, sequence);
    else if (event.kind === "client-told") this.#hear(event, sequence);
  }

  #send(event: EventOf<"client-sent">, called: number): void {
    const known = event.invocation === undefined ? undefined : this.#acknowledged.get(event.invocation);
    const ended = known !== undefined && this.#ended.has(known);
    this.#sent.set(event.operation, { event, called, acknowledged: known, ended });
  }

  #hear(told: EventOf<"client-told">, returned: number): void {
    const sent = this.#sent.get(told.operation);
    if (sent === undefined) return;
    this.#sent.delete(told.operation);
    const { verb, detail } = sent.event;
    if (QUERY_VERBS.has(verb)) this.#checkStays(sent, told);
    const account = told.invocation === undefined ? undefined : this.#fold.account(told.invocation);
    const isKnown = told.outcome === "ok" || told.outcome === "failed";
    if (account !== undefined && isKnown) {
      if (SUBMIT_VERBS.has(verb)) this.#acknowledged.set(account.id, account);
      const saysEnded = RESULT_VERBS.has(verb) || (verb === "status" && told.body === "completed");
      if (saysEnded) this.#ended.add(account);
    }
    if (!SUBMIT_VERBS.has(verb)) return;
    const answered = { sent, told, returned };
    const operation = parseObjectOperation(detail);
    if (operation !== undefined) listIn(this.#objects, operation.object).push(answered);
  }

  /** Who was told that it is accepted can ask for it, until it is removed; who was told of its end is not told otherwise. */
  #checkStays(
    { acknowledged: account, ended, event: { verb } }: Sent,
    { outcome, status, body }: EventOf<"client-told">,
  ): void {
    if (account === undefined || account.isRemoved || outcome === "unknown") return;
    this.#judge.holds(
      "EXT-2",
      // An outcome may say 404 as well: that of a handler which asked for something that is not there.
      outcome !== "refused" || status !== 404,
      () => `${account.id} was acknowledged, and whoever asks for its ${verb} is told that there is none`,
    );
    const isUnfinished = (verb === "status" && body !== "completed") || (verb === "output" && status === 470);
    this.#judge.holds(
      "EXT-2",
      !ended || !isUnfinished,
      () => `a client was told of the end of ${account.id}, and the next that it is ${body}`,
    );
  }

  atRest(): void {
    const unanswered = new Map<string, Answered[]>();
    for (const sent of this.#sent.values()) {
      const operation = parseObjectOperation(sent.event.detail);
      if (operation === undefined) continue;
      listIn(unanswered, operation.object).push({
        sent,
        told: undefined,
        returned: Number.POSITIVE_INFINITY,
      });
    }
    for (const [object, answered] of this.#objects) {
      const all = [...answered, ...(unanswered.get(object) ?? [])];
      this.#check(object, all.slice(0, OPERATIONS_MAX).map(operationOf));
    }
  }

  #check(object: string, history: ReadonlyArray<Operation<ObjectOperation>>): void {
    const verdict = checkLinearizable(objectModel, history);
    if (verdict === "undecided") return;
    this.#judge.holds("EXT-3", verdict === "linearizable", () => {
      const shown = history.map(
        ({ op, called, returned, result }) =>
          `${called}-${returned} ${JSON.stringify(op)} → ${result ?? "?"}`,
      );
      return `no order explains what clients saw of ${object}: ${shown.join("; ")}`;
    });
  }
}

function listIn<Value>(lists: Map<string, Value[]>, name: string): Value[] {
  const known = lists.get(name);
  if (known !== undefined) return known;
  const created: Value[] = [];
  lists.set(name, created);
  return created;
}

/** One that was refused did nothing. Of any other that did not come to a value it is not known whether it did, and when. */
function operationOf({ sent, told, returned }: Answered): Operation<ObjectOperation> {
  const op = parseObjectOperation(sent.event.detail);
  if (op === undefined) throw new Error(`no operation on an object: ${sent.event.detail}`);
  const isAnswer = told?.outcome === "ok" && sent.event.verb === "call";
  return {
    op,
    called: sent.called,
    returned: isAnswer ? returned : Number.POSITIVE_INFINITY,
    result: isAnswer ? told.body : undefined,
  };
}
