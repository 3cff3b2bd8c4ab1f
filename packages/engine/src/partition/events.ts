/** What happened to an invocation beside its journal, kept for people to read. */
import { EVENTS_MAX } from "../limits.ts";
import type { Invocation, InvocationEvent } from "../tables/rows.ts";
import type { Fold } from "./fold.ts";

/** The same event again raises the count of the last one instead of pushing older ones out. */
export function addEvent(row: Invocation, event: InvocationEvent): void {
  const last = row.events.at(-1);
  if (
    last !== undefined &&
    last.kind === event.kind &&
    last.code === event.code &&
    last.message === event.message
  ) {
    row.events[row.events.length - 1] = { ...event, count: last.count + 1 };
    return;
  }
  row.events.push(event);
  if (row.events.length > EVENTS_MAX) row.events.shift();
}

export function newEvent(
  fold: Fold,
  row: Invocation,
  kind: InvocationEvent["kind"],
  code: string,
  message: string,
): InvocationEvent {
  return {
    kind,
    at: fold.at,
    afterEntry: row.journalLength,
    code,
    message,
    stacktrace: "",
    relatedCommandIndex: -1,
    relatedCommandName: "",
    count: 1,
  };
}
