/** Failures and what made attempts fail, for people. */
import type { Invocation, InvocationEvent } from "@holdfast/engine";
import { errorCatalogue, isErrorCode, type Failure, type FailureInfo } from "@holdfast/protocol";

import { iso } from "./shown-time.ts";

/** What went wrong, as the outcome says it. */
export function failureInfo(failure: Failure): FailureInfo {
  const metadata = new Map(failure.metadata ?? []);
  const stacktrace = metadata.get("holdfast.stack");
  const errorCode = metadata.get("holdfast.code");
  for (const name of metadata.keys()) if (name.startsWith("holdfast.")) metadata.delete(name);
  return {
    code: failure.code,
    message: failure.message,
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(stacktrace === undefined ? {} : { stacktrace }),
    ...(metadata.size === 0 ? {} : { metadata: Object.fromEntries(metadata) }),
  };
}

/** Why the newest attempt failed, if none has made progress since: a crash stays in the row while the newest is another. */
export function newestFailure({ lastFailure, events }: Readonly<Invocation>): InvocationEvent | undefined {
  if (lastFailure === undefined) return undefined;
  return events.findLast(({ kind }) => kind === "attempt-failed") ?? lastFailure;
}

/** What made an attempt fail. Its code is one of the catalogue. */
export function attemptFailure(event: InvocationEvent): FailureInfo {
  const entry = isErrorCode(event.code) ? errorCatalogue[event.code] : undefined;
  return {
    code: entry?.status ?? 500,
    message: event.message,
    errorCode: event.code,
    ...(entry === undefined ? {} : { hint: entry.hint }),
    ...(event.stacktrace === "" ? {} : { stacktrace: event.stacktrace }),
    at: iso(event.at),
    ...(event.relatedCommandIndex < 0 ? {} : { relatedEntry: relatedEntry(event) }),
  };
}

function relatedEntry(event: InvocationEvent): NonNullable<FailureInfo["relatedEntry"]> {
  const name = event.relatedCommandName;
  return { index: event.relatedCommandIndex, type: "command", ...(name === "" ? {} : { name }) };
}
