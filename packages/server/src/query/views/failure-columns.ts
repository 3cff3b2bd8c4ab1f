/** How failures of attempts are called in Restate's tables. */
import type { InvocationEvent } from "@holdfast/engine";
import { errorCatalogue, isErrorCode, type Failure } from "@holdfast/protocol";

type Named = { readonly status: number; readonly restate: string };

/** Codes of ours for which Restate has one that its tools know. */
const NAMED: ReadonlyMap<string, Named> = new Map([
  ["journal-mismatch", { status: 570, restate: "RT0016" }],
  ["protocol-violation", { status: 571, restate: "RT0012" }],
  ["abort-timeout", { status: 500, restate: "RT0001" }],
  ["message-too-large", { status: 500, restate: "RT0003" }],
  ["endpoint-refused", { status: 500, restate: "RT0006" }],
  ["future-too-deep", { status: 500, restate: "RT0025" }],
  ["connection-lost", { status: 500, restate: "RT0010" }],
  ["deployment-unavailable", { status: 500, restate: "RT0010" }],
  ["service-not-found", { status: 500, restate: "RT0018" }],
  ["handler-not-found", { status: 500, restate: "RT0018" }],
  ["handler-error", { status: 500, restate: "RT0007" }],
]);

/** Restate's documentation code, or ours where there is none. */
export function documentationCode({ code }: InvocationEvent): string | undefined {
  return NAMED.get(code)?.restate ?? (code === "" ? undefined : code);
}

export function failureStatus({ code }: InvocationEvent): number {
  const named = NAMED.get(code);
  if (named !== undefined) return named.status;
  return isErrorCode(code) ? errorCatalogue[code].status : 500;
}

/** "[409] killed" */
export function failureText({ code, message }: Failure): string {
  return `[${code}] ${message}`;
}

/** The newest failure of an attempt, if none has made progress since. */
export function newestFailure(row: {
  readonly lastFailure: InvocationEvent | undefined;
  readonly events: readonly InvocationEvent[];
}): InvocationEvent | undefined {
  if (row.lastFailure === undefined) return undefined;
  return row.events.findLast(({ kind }) => kind === "attempt-failed") ?? row.lastFailure;
}
