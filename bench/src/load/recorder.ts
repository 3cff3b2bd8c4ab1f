/** Counts what is answered in the measured part of a plan. */
import type { Response } from "../http/response-parser.ts";
import { Histogram } from "./histogram.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";

const NS_PER_MS = 1e6;
const SHOWN_BODY_CHARACTERS = 300;

export class Recorder {
  readonly #expect: Buffer | undefined;
  readonly #histogram = new Histogram();
  #inAll = 0;
  #isMeasuring = false;
  #startedAt = 0;
  #endedAt = 0;
  #lastAnswerAt = 0;
  #longestPauseMs = 0;
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
    this.#lastAnswerAt = this.#startedAt;
    this.#cpu = process.cpuUsage();
  }

  end(): void {
    this.#isMeasuring = false;
    this.#endedAt = performance.now();
    this.#cpu = process.cpuUsage(this.#cpu);
  }

  /** Returns what is wrong with the answer, if something is. `sinceMs` is when the request was sent or due. */
  take(response: Response, sinceMs: number): string | undefined {
    const problem = this.#problem(response);
    if (problem !== undefined) return problem;
    this.#inAll += 1;
    if (!this.#isMeasuring) return undefined;
    const now = performance.now();
    this.#histogram.record((now - sinceMs) * NS_PER_MS);
    // What was due after the last answer was not outstanding before it was due.
    const pause = now - Math.max(this.#lastAnswerAt, sinceMs);
    if (pause > this.#longestPauseMs) this.#longestPauseMs = pause;
    this.#lastAnswerAt = now;
    return undefined;
  }

  result(): LoadResult {
    return {
      operations: this.#histogram.total,
      operationsInAll: this.#inAll,
      elapsedMs: this.#endedAt - this.#startedAt,
      latency: { counts: this.#histogram.counts(), max: this.#histogram.max },
      generatorCpuMicros: this.#cpu.user + this.#cpu.system,
      longestPauseMs: this.#longestPauseMs,
    };
  }

  #problem({ status, body }: Response): string | undefined {
    const isGood = status >= 200 && status < 300;
    if (isGood && (this.#expect === undefined || this.#expect.equals(body))) return undefined;
    const shown = body.subarray(0, SHOWN_BODY_CHARACTERS).toString();
    return isGood ? `the answer is not the expected one: ${shown}` : `status ${status}: ${shown}`;
  }
}
