/**
 * Actions on everything that a filter matches. They run in slices between other work, on what existed when they were asked
 * for, and can be watched and stopped.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { Invocation } from "@holdfast/engine";
import { HoldfastError, type BulkProgress } from "@holdfast/protocol";

import type { EngineAccess } from "../partition/engine-access.ts";
import { performAction, type ActionRequest } from "./invocation-actions.ts";
import { findInvocations, type ReadFilter } from "./invocation-search.ts";
import { iso } from "./shown-time.ts";

export type BulkOrder = {
  readonly request: ActionRequest;
  readonly filter: ReadFilter;
  readonly dryRun: boolean;
  readonly limit: number;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Progress = Omit<Mutable<BulkProgress>, "failed"> & {
  failed: Array<{ readonly id: string; readonly code: string; readonly message: string }>;
};

/** Looked up at a time, which costs a look at every row in memory. */
const PAGE = 500;
/** Proposed at a time. */
const SLICE = 50;
const RUNNING_MAX = 4;
const REMEMBERED_MAX = 100;
const FAILURES_SHOWN = 100;

export class BulkActions {
  readonly #engine: EngineAccess;
  readonly #onDefect: (error: unknown) => void;
  /** In the order they were started. */
  readonly #actions = new Map<string, Progress>();

  constructor(engine: EngineAccess, onDefect: (error: unknown) => void) {
    this.#engine = engine;
    this.#onDefect = onDefect;
  }

  list(): readonly BulkProgress[] {
    return [...this.#actions.values()].toReversed();
  }

  get(id: string): BulkProgress {
    const progress = this.#actions.get(id);
    if (progress === undefined) throw new HoldfastError("bulk-action-not-found", { id });
    return progress;
  }

  /** Begins at once and returns what there is to tell so far. */
  start(order: BulkOrder): BulkProgress {
    const running = [...this.#actions.values()].filter(({ finished }) => !finished).length;
    if (running >= RUNNING_MAX) {
      throw new HoldfastError("overloaded", {
        reason: `${running} bulk actions are running`,
        limit: RUNNING_MAX,
      });
    }
    this.#forgetOldest();
    const now = this.#engine.now();
    const progress: Progress = {
      id: `bulk_${randomUUID()}`,
      action: order.request.action,
      dryRun: order.dryRun,
      startedAt: iso(now),
      matched: 0,
      done: 0,
      failedCount: 0,
      failed: [],
      finished: false,
    };
    this.#actions.set(progress.id, progress);
    // What it starts itself (restarts) is newer, and never matches.
    const createdBefore = Math.min(now + 1, order.filter.createdBefore ?? Number.POSITIVE_INFINITY);
    void this.#run(progress, { ...order, filter: { ...order.filter, createdBefore } });
    return progress;
  }

  /** What has been done stays done. */
  stop(id: string): BulkProgress {
    const progress = this.#actions.get(id);
    if (progress === undefined) throw new HoldfastError("bulk-action-not-found", { id });
    if (!progress.finished) progress.stopped = "stopped by an operator";
    return progress;
  }

  async #run(progress: Progress, order: BulkOrder): Promise<void> {
    try {
      const seen = new Set<string>();
      let cursor: string | undefined;
      do {
        await nextTurn();
        const left = order.limit - progress.matched;
        const page = findInvocations(this.#engine, order.filter, Math.min(PAGE, left), cursor);
        const fresh = page.rows.filter(({ id }) => !seen.has(id));
        for (const { id } of fresh) seen.add(id);
        progress.matched += fresh.length;
        if (!order.dryRun) await this.#performAll(progress, fresh, order.request);
        cursor = page.nextCursor;
      } while (cursor !== undefined && progress.matched < order.limit && progress.stopped === undefined);
    } catch (error) {
      progress.stopped = error instanceof HoldfastError ? error.message : "the server failed";
      if (!(error instanceof HoldfastError)) this.#onDefect(error);
    }
    progress.finished = true;
  }

  async #performAll(
    progress: Progress,
    rows: ReadonlyArray<Readonly<Invocation>>,
    request: ActionRequest,
  ): Promise<void> {
    for (let at = 0; at < rows.length && progress.stopped === undefined; at += SLICE) {
      const slice = rows.slice(at, at + SLICE);
      await Promise.all(slice.map((row) => this.#perform(progress, row, request)));
    }
  }

  async #perform(progress: Progress, row: Readonly<Invocation>, request: ActionRequest): Promise<void> {
    try {
      await performAction(this.#engine, row, request);
      progress.done += 1;
    } catch (error) {
      if (!(error instanceof HoldfastError) || isServersFault(error)) throw error;
      progress.failedCount += 1;
      if (progress.failed.length >= FAILURES_SHOWN) return;
      progress.failed.push({ id: row.id, code: error.code, message: error.message });
    }
  }

  #forgetOldest(): void {
    for (const [id, { finished }] of this.#actions) {
      if (this.#actions.size < REMEMBERED_MAX) return;
      if (finished) this.#actions.delete(id);
    }
  }
}

/** Going on would only fail the same way for everything that is left. */
function isServersFault(error: HoldfastError): boolean {
  return error.status >= 500 || error.code === "overloaded";
}
