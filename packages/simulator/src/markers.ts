/**
 * Situations that a batch of runs must have been in ("sometimes" assertions): the rare orders of things that the invariants
 * are about. A batch that never gets into one of them proves nothing about it, and fails.
 */
import type { Tables } from "@holdfast/engine";

import type { Step } from "./invariants/durable-fold.ts";
import type { Monitor } from "./invariants/monitor.ts";
import type { EventOf, WorldEvent } from "./invariants/world-event.ts";
import { LOG_MARKERS, LogMarkers, type LogMarker } from "./markers-log.ts";
import { RECORD_MARKERS, RecordMarkers, type RecordMarker } from "./markers-records.ts";
import type { VerbCoverage } from "./programs/coverage.ts";
import type { RunResult } from "./run.ts";
import { WORLD_MARKERS, type WorldMarker } from "./world/world-markers.ts";

const CLIENT_MARKERS = [
  "client: outcome unknown, asked again, and told",
  "client: refused because of overload",
  "client: refused because the disk is full",
  "client: idempotency key used again, the same invocation",
  "client: idempotency key used for another request",
  "client: workflow started twice",
  "client: told a failure as the outcome",
  "handler: a step ended after a newer attempt had begun",
  "handler: a step was cut off and executed again",
  "run: no fault at all",
  "run: the clock went back",
  "run: handlers died, engine lived",
] as const;

/** How far a record is ahead of the machine's clock when that was set back, at least, ms. */
const AHEAD_MS = 1_000;

export type Marker = WorldMarker | LogMarker | RecordMarker | (typeof CLIENT_MARKERS)[number];

export const MARKERS: readonly Marker[] = [
  ...WORLD_MARKERS,
  ...LOG_MARKERS,
  ...RECORD_MARKERS,
  ...CLIENT_MARKERS,
];

export class Markers implements Monitor {
  readonly ids: readonly string[] = [];
  readonly counts = new Map<string, number>();
  readonly #coverage: VerbCoverage;
  readonly #log: LogMarkers;
  readonly #records: RecordMarkers;
  /** Newest attempt of each invocation that was sent to a handler. */
  readonly #attempts = new Map<string, number>();
  /** Steps that began and did not end, by key. */
  readonly #begun = new Map<string, number>();
  /** Submissions under an idempotency key, by operation, and those of them whose outcome is unknown. */
  readonly #sent = new Map<number, string>();
  readonly #unknown = new Set<string>();
  #wentClockBack = false;
  #hasEngineDied = false;

  /** `tables`: of the fold whose steps are followed. */
  constructor(coverage: VerbCoverage, tables: Tables) {
    const reach = (marker: Marker): void => this.#reach(marker);
    this.#coverage = coverage;
    this.#log = new LogMarkers(reach);
    this.#records = new RecordMarkers(reach, tables);
  }

  #reach(marker: Marker): void {
    this.counts.set(marker, (this.counts.get(marker) ?? 0) + 1);
  }

  follow(step: Step): void {
    this.#records.follow(step);
    for (const { entry } of step.appended) this.#coverage.noteMessage(entry.type);
  }

  /** `at`: by the machine's clock, which jumps. The engine's own never goes back. */
  observe(event: WorldEvent, at: number): void {
    this.#log.observe(event);
    switch (event.kind) {
      case "appended":
        if (event.records.some((record) => record.at > at + AHEAD_MS)) this.#wentClockBack = true;
        return;
      case "crashed":
        this.#hasEngineDied = true;
        return;
      case "attempt-started":
        this.#attempts.set(event.invocation, event.attempt);
        return;
      case "step-began":
        this.#stepBegan(event);
        return;
      case "step-ended":
        this.#begun.delete(event.key);
        if (event.attempt < (this.#attempts.get(event.invocation) ?? 0))
          this.#reach("handler: a step ended after a newer attempt had begun");
        return;
      case "client-sent":
        if (event.idempotencyKey !== undefined)
          this.#sent.set(event.operation, `${event.detail} ${event.idempotencyKey}`);
        return;
      case "client-told":
        this.#told(event);
        return;
      default:
    }
  }

  #stepBegan({ key, attempt }: EventOf<"step-began">): void {
    const before = this.#begun.get(key);
    if (before !== undefined && before < attempt)
      this.#reach("handler: a step was cut off and executed again");
    this.#begun.set(key, attempt);
  }

  #told({ operation, outcome, status, body }: EventOf<"client-told">): void {
    const sent = this.#sent.get(operation);
    if (sent !== undefined && outcome === "unknown") this.#unknown.add(sent);
    else if (sent !== undefined && this.#unknown.delete(sent))
      this.#reach("client: outcome unknown, asked again, and told");
    if (outcome === "failed") this.#reach("client: told a failure as the outcome");
    if (body.includes('"overloaded"')) this.#reach("client: refused because of overload");
    if (body.includes('"disk-full"')) this.#reach("client: refused because the disk is full");
    if (body.includes("PreviouslyAccepted"))
      this.#reach("client: idempotency key used again, the same invocation");
    if (status === 409 && body.includes("idempotency-conflict"))
      this.#reach("client: idempotency key used for another request");
    if (status === 409 && body.includes("workflow-already-started"))
      this.#reach("client: workflow started twice");
  }

  /** What is known only of the run as a whole. */
  noteRun({ struck, seen }: Pick<RunResult, "struck" | "seen">): void {
    for (const marker of seen) this.#reach(marker);
    if (struck.size === 0) this.#reach("run: no fault at all");
    if (this.#wentClockBack) this.#reach("run: the clock went back");
    if (struck.has("handlers-crash") && !this.#hasEngineDied) this.#reach("run: handlers died, engine lived");
  }
}
