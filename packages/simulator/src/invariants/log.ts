/**
 * The log and its checkpoints: LOG-1, LOG-2, LOG-3, LOG-7, LOG-8, LOG-9, LOG-11.
 *
 * LOG-10 (bounded memory, disk and replay time) is not here: events say nothing of resources, a batch of runs has to be
 * measured from outside.
 */
import { kindsOf, LogShadow } from "./log-shadow.ts";
import type { Judge, Monitor } from "./monitor.ts";
import type { EventOf, LoggedBatch, WorldEvent } from "./world-event.ts";

export class LogMonitor implements Monitor {
  readonly ids = ["LOG-1", "LOG-2", "LOG-3", "LOG-7", "LOG-8", "LOG-9", "LOG-11"];
  readonly shadow = new LogShadow();
  readonly #judge: Judge;
  /** Positions that a checkpoint reflects, and that the log let go of. */
  #checkpointed = 0;
  #trimmed = 0;
  /** The newest life that appended anything. */
  #appending = 0;

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** Judges the event by what was known before it, then notes it. */
  observe(event: WorldEvent): void {
    switch (event.kind) {
      case "appended":
        this.#append(event);
        return;
      case "durable":
        this.#acknowledge(event);
        return;
      case "recovered":
        this.#recover(event);
        return;
      case "checkpointed":
        this.#checkpoint(event);
        return;
      case "trimmed":
        this.#trim(event);
        return;
      default:
    }
  }

  #append(event: EventOf<"appended">): void {
    const { life, position, epoch, hash, records } = event;
    const { shadow } = this;
    // The first life of a world may begin without a recovery: there is nothing to recover.
    if (shadow.life === 0) {
      shadow.life = life;
      shadow.epoch = epoch;
    }
    if (life !== shadow.life || epoch !== shadow.epoch) {
      this.#judge.breaks(
        "LOG-9",
        `life ${life} appended position ${position} with epoch ${epoch}, while life ${shadow.life} writes with epoch ${shadow.epoch}`,
      );
    }
    for (const { body } of records) {
      if (body.kind !== "engine-started") continue;
      this.#judge.holds(
        "LOG-9",
        body.epoch === epoch,
        () => `position ${position} starts epoch ${body.epoch} and was written with epoch ${epoch}`,
      );
    }
    const known = shadow.at(position);
    if (position <= shadow.tail && known?.life === life) {
      // Whether the first try arrived is not known: only the very same may be tried again.
      this.#judge.holds(
        "LOG-11",
        known.hash === hash,
        () =>
          `position ${position} was handed over as ${known.hash} (${kindsOf(known.records)}), its end is not known, and now it is ${hash} (${kindsOf(records)})`,
      );
      return;
    }
    const goesOn = position === shadow.tail + 1;
    const what = (): string =>
      `life ${life} appended position ${position}, and the log ends with ${shadow.tail}`;
    // Whatever the life before did not know the end of is found or gone, and a new one goes on behind what it found.
    if (this.#appending !== life) this.#judge.holds("LOG-11", goesOn, what);
    else if (!goesOn) this.#judge.breaks("LOG-11", what());
    this.#appending = life;
    shadow.append(event);
  }

  #acknowledge({ life, position }: EventOf<"durable">): void {
    const { shadow } = this;
    if (life !== shadow.life) {
      this.#judge.breaks(
        "LOG-9",
        `the log accepted position ${position} of life ${life}, and life ${shadow.life} has begun`,
      );
    }
    if (shadow.at(position) === undefined) {
      this.#judge.breaks("LOG-1", `the log accepted position ${position}, which nobody appended`);
    }
    shadow.markDurable(position);
  }

  #recover(event: EventOf<"recovered">): void {
    const { shadow } = this;
    this.#judge.holds(
      "LOG-9",
      event.life > shadow.life && (event.epoch > shadow.epoch || shadow.life === 0),
      () =>
        `life ${event.life} opened the log with epoch ${event.epoch}, and life ${shadow.life} had epoch ${shadow.epoch}`,
    );
    this.#checkContiguous(event);
    for (const batch of event.batches) this.#checkFound(batch);
    this.#checkNothingLost(event);
    this.#judge.holds(
      "LOG-7",
      event.checkpointPosition >= Math.max(this.#checkpointed, this.#trimmed),
      () =>
        `recovery began at checkpoint ${event.checkpointPosition}; there was one at ${this.#checkpointed}, and the log is trimmed up to ${this.#trimmed}`,
    );
    this.#checkpointed = event.checkpointPosition;
    shadow.recover(event);
  }

  #checkContiguous({ batches, checkpointPosition, life }: EventOf<"recovered">): void {
    let last = Math.min(checkpointPosition, (batches[0]?.position ?? checkpointPosition + 1) - 1);
    this.#judge.holds(
      "LOG-2",
      batches.length === 0 || batches[0]?.position === last + 1,
      () =>
        `life ${life} has a checkpoint of ${checkpointPosition} and a log that begins with ${batches[0]?.position}`,
    );
    for (const { position } of batches) {
      const before = last;
      this.#judge.holds(
        "LOG-2",
        position === before + 1,
        () => `life ${life} found position ${position} behind ${before}`,
      );
      last = position;
    }
  }

  /** What was found must be what was written there last. */
  #checkFound({ position, hash, records }: LoggedBatch): void {
    const { shadow } = this;
    const known = shadow.at(position);
    const isKnown = known?.hash === hash;
    const lost = shadow.lostAt(position);
    const back = lost.find((each) => each.hash === hash);
    if (lost.length > 0) {
      this.#judge.holds(
        "LOG-3",
        isKnown || back === undefined || !shadow.hasAcknowledgedSince(back.missedBy),
        () =>
          `position ${position} (${kindsOf(records)}) is back: life ${back?.missedBy} did not find it, and what was written since was accepted`,
      );
    }
    this.#judge.holds(
      "LOG-8",
      isKnown || back !== undefined,
      () => `position ${position} was read as ${hash} (${kindsOf(records)}), and ${known?.hash} was written`,
    );
  }

  #checkNothingLost({ batches, checkpointPosition, life }: EventOf<"recovered">): void {
    const { shadow } = this;
    const found = new Set(batches.map(({ position }) => position));
    for (let position = checkpointPosition + 1; position <= shadow.tail; position++) {
      const batch = shadow.at(position);
      if (batch?.isDurable !== true) continue;
      this.#judge.holds(
        "LOG-1",
        found.has(position),
        () =>
          `position ${position} (${kindsOf(batch.records)}) was durable in life ${batch.life}, and life ${life} did not find it`,
      );
    }
  }

  #checkpoint({ position, life }: EventOf<"checkpointed">): void {
    this.#judge.holds(
      "LOG-7",
      position <= this.shadow.durableTo && position >= this.#checkpointed,
      () =>
        `life ${life} made a checkpoint of position ${position}; the log is durable up to ${this.shadow.durableTo}, and there was one of ${this.#checkpointed}`,
    );
    this.#checkpointed = position;
  }

  #trim({ upTo, head, life }: EventOf<"trimmed">): void {
    this.#judge.holds(
      "LOG-7",
      upTo <= this.#checkpointed && head <= this.#checkpointed + 1,
      () =>
        `life ${life} trimmed the log up to ${upTo}, it begins with ${head} now, and the newest checkpoint is of ${this.#checkpointed}`,
    );
    this.#trimmed = Math.max(this.#trimmed, upTo);
  }
}
