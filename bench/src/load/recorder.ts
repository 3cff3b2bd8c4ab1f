/** Counts what is answered in the measured part of a plan. */
import type { Response } from "../http/response-parser.ts";
import { Histogram } from "./histogram.ts";
import { Pauses, type Owed } from "./pauses.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";

const NS_PER_MS = 1e6;
const SHOWN_BODY_CHARACTERS = 300;

export class Recorder {
  readonly #expect: Buffer | undefined;
  readonly #histogram = new Histogram();
  readonly #pauses = new Pauses();
  #inAll = 0;
  #isMeasuring = false;
  #startedAt = 0;
  #endedAt = 0;
  #cpu = process.cpuUsage();

  constructor(plan: LoadPlan) {
    this.#expect = plan.expect === undefined ? undefined : Buffer.from(plan.expect);
  }

  get measured(): number {
    return this.#histogram.total;
  }

  get inAll(): number {
    return this.#inAll;
  }

  get measuringSinceMs(): number {
    return this.#startedAt;
  }

  begin(): void {
    this.#isMeasuring = true;
    this.#startedAt = performance.now();
    this.#pauses.begin(this.#startedAt);
    this.#cpu = process.cpuUsage();
  }

  end(): void {
    this.#isMeasuring = false;
    this.#endedAt = performance.now();
    this.#cpu = process.cpuUsage(this.#cpu);
  }

  /** To be told of every request when it is sent, in the order in which they are due. */
  sent(dueMs: number): Owed {
    return this.#pauses.owe(dueMs);
  }

  /** Returns what is wrong with the answer, if something is. */
  take(response: Response, owed: Owed): string | undefined {
    const problem = this.#problem(response);
    if (problem !== undefined) return problem;
    this.#inAll += 1;
    // What is answered after the end does not count, and what is answered before the beginning is owed no longer.
    if (this.#endedAt !== 0) return undefined;
    const now = performance.now();
    this.#pauses.answered(owed, now);
    if (this.#isMeasuring) this.#histogram.record((now - owed.dueMs) * NS_PER_MS);
    return undefined;
  }

  result(): LoadResult {
    return {
      operations: this.#histogram.total,
      operationsInAll: this.#inAll,
      elapsedMs: this.#endedAt - this.#startedAt,
      latency: { counts: this.#histogram.counts(), max: this.#histogram.max },
      generatorCpuMicros: this.#cpu.user + this.#cpu.system,
      longestPauseMs: this.#pauses.longestMs,
    };
  }

  #problem({ status, body }: Response): string | undefined {
    const isGood = status >= 200 && status < 300;
    if (isGood && (this.#expect === undefined || this.#expect.equals(body))) return undefined;
    const shown = body.subarray(0, SHOWN_BODY_CHARACTERS).toString();
    return isGood ? `the answer is not the expected one: ${shown}` : `status ${status}: ${shown}`;
  }
}
