/** What the load generator is told to do, and what it answers: the messages between it and the benchmark. */
import type { Address } from "../http/connection.ts";
import type { RequestShape } from "../http/request-template.ts";
import type { HistogramCounts } from "./histogram.ts";

export interface LoadPlan {
  readonly target: Address;
  readonly request: RequestShape;
  /** The body that every answer must have. Without it only the status is looked at. */
  readonly expect?: string;
  readonly connections: number;
  /** Keys are this text and a counter; two plans against the same server need different ones. */
  readonly keyPrefix: string;
  /** The counter begins again after so many keys. Without it every key is used once. */
  readonly keysMax?: number;
  readonly pace: ClosedLoop | OpenLoop;
}

/** Every connection sends its next request when the answer to the last one is there. */
export interface ClosedLoop {
  readonly kind: "closed";
  readonly warmupMs: number;
  readonly durationMs: number;
  /** The measured part goes on until so many have been answered, however long that takes. */
  readonly operationsMin: number;
  /** Exactly so many requests in all, without warm-up or end; the durations do not count then. */
  readonly operationsExactly?: number;
}

/** Requests are due at fixed times, whatever the server does; latency counts from when a request was due. */
export interface OpenLoop {
  readonly kind: "open";
  readonly perSecond: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

export interface LoadResult {
  /** Answered in the measured part. */
  readonly operations: number;
  /** Answered in all, warm-up and leftovers included. */
  readonly operationsInAll: number;
  readonly elapsedMs: number;
  readonly latency: { readonly counts: HistogramCounts; readonly max: number };
  /** Processor time of the generator in the measured part. */
  readonly generatorCpuMicros: number;
  /** Longest time without an answer while one was owed, to a request that was sent or only due, in the measured part. */
  readonly longestPauseMs: number;
}

export type LoadCommand = { readonly id: number; readonly plan: LoadPlan };

export type LoadEvent =
  | { readonly id: number; readonly kind: "measuring" }
  | { readonly id: number; readonly kind: "measured" }
  | { readonly id: number; readonly kind: "done"; readonly result: LoadResult }
  | { readonly id: number; readonly kind: "failed"; readonly message: string };
