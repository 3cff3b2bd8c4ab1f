/** Situations of the log and of recovery. */
import type { EventOf, WorldEvent } from "./invariants/world-event.ts";

export const LOG_MARKERS = [
  "log: power lost with batches that were not durable",
  "log: killed with batches that were not durable",
  "log: a batch that nobody was told of was there after the crash",
  "log: a batch that nobody was told of was gone after the crash",
  "log: several appends on their way when the process died",
  "log: recovered from a trimmed log",
  "log: recovered from a log that a checkpoint is far behind",
  "log: recovered with nothing behind the checkpoint",
  "log: recovered twice and nothing became durable in between",
] as const;

export type LogMarker = (typeof LOG_MARKERS)[number];

/** Batches behind the checkpoint that count as far. */
const FAR = 20;

export class LogMarkers {
  readonly #reach: (marker: LogMarker) => void;
  /** Positions of the present life that were handed to the log and are not durable. */
  #underway = new Set<number>();
  #lost: ReadonlySet<number> = new Set();
  #durable = 0;
  #wasDurable = true;

  constructor(reach: (marker: LogMarker) => void) {
    this.#reach = reach;
  }

  observe(event: WorldEvent): void {
    switch (event.kind) {
      case "appended":
        this.#underway.add(event.position);
        return;
      case "durable":
        this.#underway.delete(event.position);
        this.#durable = event.position;
        this.#wasDurable = true;
        return;
      case "crashed":
        this.#crashed(event);
        return;
      case "recovered":
        this.#recovered(event);
        return;
      default:
    }
  }

  #crashed({ how }: EventOf<"crashed">): void {
    this.#lost = this.#underway;
    this.#underway = new Set();
    if (this.#lost.size > 1) this.#reach("log: several appends on their way when the process died");
    if (this.#lost.size === 0) return;
    this.#reach(
      how === "power"
        ? "log: power lost with batches that were not durable"
        : "log: killed with batches that were not durable",
    );
  }

  #recovered({ batches, checkpointPosition }: EventOf<"recovered">): void {
    const tail = batches.at(-1)?.position ?? checkpointPosition;
    if (this.#lost.has(tail)) this.#reach("log: a batch that nobody was told of was there after the crash");
    if (this.#lost.has(this.#durable + 1) && tail <= this.#durable)
      this.#reach("log: a batch that nobody was told of was gone after the crash");
    if ((batches[0]?.position ?? 1) > 1) this.#reach("log: recovered from a trimmed log");
    if (tail - checkpointPosition > FAR)
      this.#reach("log: recovered from a log that a checkpoint is far behind");
    if (tail === checkpointPosition && tail > 0)
      this.#reach("log: recovered with nothing behind the checkpoint");
    if (!this.#wasDurable) this.#reach("log: recovered twice and nothing became durable in between");
    this.#wasDurable = false;
    this.#lost = new Set();
  }
}
