/** What happened in a run: a hash of all of it, by which two runs are compared, and the lines of it where they are wanted. */
import { crc32 } from "node:zlib";

import { encodeMessage } from "@holdfast/protocol";

import type { WorldEvent } from "./invariants/world-event.ts";
import type { Observer } from "./run.ts";

const FNV_OFFSET = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;
const LINE_LENGTH_MAX = 240;

export class Trace implements Observer {
  readonly #isKept: boolean;
  readonly lines: string[] = [];
  #hash = FNV_OFFSET;
  #count = 0;

  constructor(isKept: boolean) {
    this.#isKept = isKept;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  observe(event: WorldEvent, at: number): void {
    this.#count += 1;
    const line = `${at} ${event.kind} ${factsOf(event)}`;
    for (let index = 0; index < line.length; index++)
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(index), FNV_PRIME);
    for (const body of bodiesOf(event)) this.#hash = crc32(body, this.#hash >>> 0);
    if (this.#isKept) this.lines.push(`${this.#count} ${line}`.slice(0, LINE_LENGTH_MAX));
  }

  atRest(): void {}
}

function factsOf(event: WorldEvent): string {
  switch (event.kind) {
    case "appended":
      return `life ${event.life} position ${event.position} ${event.hash.slice(0, 8)} ${event.records.map(({ body }) => ("id" in body ? `${body.kind} ${body.id}` : body.kind)).join(", ")}`;
    case "durable":
    case "checkpointed":
      return `life ${event.life} position ${event.position}`;
    case "trimmed":
      return `life ${event.life} up to ${event.upTo}`;
    case "recovered":
      return `life ${event.life} epoch ${event.epoch} checkpoint ${event.checkpointPosition} batches ${event.batches[0]?.position ?? 0}..${event.batches.at(-1)?.position ?? 0}`;
    case "crashed":
      return `life ${event.life} by ${event.how}`;
    case "attempt-started":
      return `${event.invocation}#${event.attempt} on ${event.deployment} knowing ${event.knownEntries}`;
    case "delivered":
      return `${event.invocation}#${event.attempt} type ${event.entry.type.toString(16)}`;
    case "run-acked":
      return `${event.invocation}#${event.attempt} step ${event.completionId}`;
    case "received":
      return `${event.invocation}#${event.attempt} type ${event.message.type.toString(16)}`;
    case "step-began":
      return `${event.invocation}#${event.attempt} ${event.name}`;
    case "step-ended":
      return `${event.invocation}#${event.attempt} ${event.name} ${event.ok ? "ok" : "failed"}`;
    case "client-sent":
      return `#${event.operation} ${event.verb} ${event.invocation ?? ""} ${event.detail}`;
    case "client-told":
      return `#${event.operation} ${event.outcome} ${event.status} ${event.invocation ?? ""} ${event.body}`;
  }
}

/** What the line of an event only names. */
function bodiesOf(event: WorldEvent): readonly Uint8Array[] {
  switch (event.kind) {
    case "attempt-started":
      return event.journal.map(({ body }) => body);
    case "delivered":
      return [event.entry.body];
    case "received":
      return [encodeMessage(event.message)];
    default:
      return [];
  }
}
