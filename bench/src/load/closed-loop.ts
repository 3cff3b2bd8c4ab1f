/** N connections, each of which sends its next request when the answer to the last one is there. */
import type { Exchange, HttpConnection } from "../http/connection.ts";
import type { Response } from "../http/response-parser.ts";
import type { Owed } from "./pauses.ts";
import type { ClosedLoop } from "./plan.ts";
import type { Recorder } from "./recorder.ts";

export interface Loop {
  readonly connections: readonly HttpConnection[];
  readonly nextRequest: () => string;
  readonly recorder: Recorder;
  readonly onMeasuring: () => void;
  readonly onMeasured: () => void;
}

export function runClosedLoop(loop: Loop, pace: ClosedLoop): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const run = new ClosedRun(loop, pace, resolve, reject);
  run.start();
  return promise;
}

class ClosedRun {
  readonly #loop: Loop;
  readonly #pace: ClosedLoop;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;
  #isOver = false;
  #sent = 0;
  #outstanding = 0;

  constructor(loop: Loop, pace: ClosedLoop, resolve: () => void, reject: (error: Error) => void) {
    this.#loop = loop;
    this.#pace = pace;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    if (this.#pace.operationsExactly === undefined) {
      this.#timer = setTimeout(() => this.#measure(), this.#pace.warmupMs);
    } else {
      this.#begin();
    }
    for (const connection of this.#loop.connections) new Sender(this, connection).next();
  }

  /** The request that a connection sends next, unless it is time to stop. */
  take(): { readonly request: string; readonly owed: Owed } | undefined {
    const exactly = this.#pace.operationsExactly;
    if (this.#isOver || (exactly !== undefined && this.#sent >= exactly)) return undefined;
    this.#sent += 1;
    this.#outstanding += 1;
    const request = this.#loop.nextRequest();
    return { request, owed: this.#loop.recorder.sent(performance.now()) };
  }

  answered(response: Response, owed: Owed): void {
    this.#outstanding -= 1;
    const { recorder } = this.#loop;
    const problem = recorder.take(response, owed);
    if (problem !== undefined) {
      this.fail(new Error(problem));
      return;
    }
    const exactly = this.#pace.operationsExactly;
    const isEnough =
      exactly === undefined
        ? this.#isDue && recorder.measured >= this.#pace.operationsMin
        : recorder.inAll >= exactly;
    if (isEnough && !this.#isOver) this.#end();
    if (this.#isOver && this.#outstanding === 0) this.#resolve();
  }

  fail(error: Error): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#reject(error);
  }

  #measure(): void {
    this.#begin();
    this.#timer = setTimeout(() => {
      this.#isDue = true;
    }, this.#pace.durationMs);
  }

  #begin(): void {
    this.#loop.recorder.begin();
    this.#loop.onMeasuring();
  }

  #end(): void {
    this.#isOver = true;
    this.#loop.recorder.end();
    this.#loop.onMeasured();
  }
}

class Sender implements Exchange {
  readonly #run: ClosedRun;
  readonly #connection: HttpConnection;
  #owed: Owed = { dueMs: 0 };

  constructor(run: ClosedRun, connection: HttpConnection) {
    this.#run = run;
    this.#connection = connection;
  }

  next(): void {
    const next = this.#run.take();
    if (next === undefined) return;
    this.#owed = next.owed;
    this.#connection.send(next.request, this);
  }

  onResponse(response: Response): void {
    this.#run.answered(response, this.#owed);
    this.next();
  }

  onError(error: Error): void {
    this.#run.fail(error);
  }
}
