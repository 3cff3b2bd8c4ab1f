/** Events beside journals in the JSON that Restate's tools and tests read. */
import type { Invocation, InvocationEvent } from "@holdfast/engine";

import { entryKind } from "./entry-json.ts";
import type { ReadEntry } from "./journal-reader.ts";
import { documentationCode, failureStatus } from "./views/failure-columns.ts";

type Fields = Readonly<Record<string, unknown>>;
type FindCommand = (commandIndex: number) => ReadEntry | undefined;

const TYPES: Readonly<Record<InvocationEvent["kind"], string>> = {
  "attempt-failed": "TransientError",
  paused: "Paused",
  resumed: "Resumed",
  suspended: "Suspended",
  "cancel-requested": "CancelRequested",
};

export function eventType({ kind }: InvocationEvent): string {
  return TYPES[kind];
}

export function eventJson(
  event: InvocationEvent,
  { events, lastFailure }: Readonly<Invocation>,
  findCommand: FindCommand,
): string {
  const ty = eventType(event);
  switch (event.kind) {
    case "attempt-failed":
      return JSON.stringify({ ty, ...failureFields(event, findCommand) });
    case "paused": {
      const last = events.slice(0, events.indexOf(event)).findLast(({ kind }) => kind === "attempt-failed");
      const failure = last ?? lastFailure;
      return JSON.stringify({
        ty,
        ...(failure === undefined ? {} : { last_failure: failureFields(failure, findCommand) }),
      });
    }
    case "suspended":
    case "resumed":
    case "cancel-requested":
      return JSON.stringify({ ty, ...(event.message === "" ? {} : { message: event.message }) });
  }
}

function failureFields(event: InvocationEvent, findCommand: FindCommand): Fields {
  const { message, stacktrace, relatedCommandIndex, relatedCommandName } = event;
  const code = documentationCode(event);
  const isRelated = relatedCommandIndex >= 0;
  const command = isRelated ? findCommand(relatedCommandIndex) : undefined;
  return {
    error_code: failureStatus(event),
    error_message: message,
    ...(stacktrace === "" ? {} : { error_stacktrace: stacktrace }),
    ...(code === undefined ? {} : { restate_doc_error_code: code }),
    ...(isRelated ? { related_command_index: relatedCommandIndex } : {}),
    ...(isRelated && relatedCommandName !== "" ? { related_command_name: relatedCommandName } : {}),
    ...(command === undefined ? {} : { related_command_type: entryKind(command.entry.type) }),
  };
}
