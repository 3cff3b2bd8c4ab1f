/**
 * Tells when everything that one delivered notification set in motion has run: when the queue of microtasks has been
 * empty since. Sessions deliver the next notification only then, live and on replay, and that is what makes the native
 * promise combinators deterministic.
 *
 * One object serves all sessions of a thread, so the price of finding out is paid once per round, not once per session.
 */
export interface Turns {
  /** The round that is open now. Whoever sets promises in motion notes it. */
  touch(): number;
  /** Whether the microtasks that were set in motion in `round` have all run. */
  isOver(round: number): boolean;
  /** Calls back as soon as what is in motion now has run. Callbacks keep their order. */
  whenQuiet(callback: () => void): void;
}

/**
 * @param defer Runs a function after the queue of microtasks has been empty, given that it is called from a microtask.
 */
export function createTurns(defer: (callback: () => void) => void): Turns {
  let open = 1;
  let over = 0;
  let lastTouched = 0;
  let isScheduled = false;
  let waiting: Array<() => void> = [];
  let closing: Array<() => void> = [];

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(close);
  }

  // What is touched from here until `finish` belongs to the next round: its microtasks may not have run by then.
  function close(): void {
    open += 1;
    closing = waiting;
    waiting = [];
    defer(finish);
  }

  function finish(): void {
    over = open - 1;
    isScheduled = false;
    if (lastTouched === open || waiting.length > 0) schedule();
    const callbacks = closing;
    closing = [];
    for (const callback of callbacks) callback();
  }

  return {
    touch(): number {
      lastTouched = open;
      schedule();
      return open;
    },
    isOver: (round) => round <= over,
    whenQuiet(callback): void {
      lastTouched = open;
      waiting.push(callback);
      schedule();
    },
  };
}

/** The cheapest way this runtime has to wait for an empty queue of microtasks. */
export function systemDefer(): (callback: () => void) => void {
  const { process, Bun, Deno, setImmediate } = globalThis as RuntimeGlobals;
  // Node looks at its own queue each time that the one of microtasks is empty. Others interleave the two differently.
  const nextTick = Bun === undefined && Deno === undefined ? process?.nextTick : undefined;
  if (process !== undefined && nextTick !== undefined) return (callback) => nextTick.call(process, callback);
  if (setImmediate !== undefined) return (callback) => setImmediate(callback);
  if (typeof MessageChannel === "undefined") return (callback) => void setTimeout(callback, 0);
  return deferByMessage();
}

interface RuntimeGlobals {
  readonly process?: { readonly nextTick?: (callback: () => void) => void };
  readonly Bun?: unknown;
  readonly Deno?: unknown;
  readonly setImmediate?: (callback: () => void) => void;
}

function deferByMessage(): (callback: () => void) => void {
  const queue: Array<() => void> = [];
  return (callback) => {
    // A channel per round: an open port would keep some runtimes from ever ending.
    const { port1, port2 } = new MessageChannel();
    queue.push(callback);
    port1.onmessage = () => {
      port1.close();
      queue.shift()?.();
    };
    port2.postMessage(undefined);
  };
}
