import type {
  FailureInfo,
  InvocationDetail,
  InvocationEvent,
  InvokedBy,
  JournalEntryInfo,
  WaitInfo,
} from "@holdfast/protocol";

import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { statusCell } from "../../invocations/summary-table.ts";
import type { Output } from "../../output/output.ts";
import { shownLine } from "../../output/shown-text.ts";
import type { Cell } from "../../output/table.ts";
import { fullTime, relativeTime } from "../../output/time.ts";
import { previewText } from "../../output/value.ts";

const ENTRIES_SHOWN = 60;
const EVENTS_SHOWN = 20;

export const describe: Command = defineCommand({
  args: [{ name: "invocation", help: "id, or the beginning of one" }],
  options: {
    "full-journal": { type: "boolean", help: "show every entry of a long journal" },
    ...connectionOptions,
  },
  examples: [
    { line: "holdfast invocations describe inv_1bcDe", help: "what it waits for and how it got there" },
    { line: "holdfast invocations describe inv_1bcDe --json", help: "everything that is known, for scripts" },
  ],
  async run({ args, options, out, environment }) {
    const client = connectTo(options, environment);
    const detail = await client.admin.invocations.get(args[0] ?? "");
    out.result(detail, () => {
      show(detail, out);
      showJournal(detail, options["full-journal"] ? Number.POSITIVE_INFINITY : ENTRIES_SHOWN, out);
      showEvents(detail.events, out);
    });
  },
});

function show(detail: InvocationDetail, out: Output): void {
  const { now } = out;
  const { attempt, retryCount } = detail;
  const retries = retryCount > 0 ? `, ${retryCount} failed since the last progress` : "";
  out.print(`${out.paint("bold", detail.id)}  ${shownLine(detail.target)}`);
  out.print();
  out.fields([
    ["Status", statusCell(detail)],
    ["Created", `${fullTime(detail.createdAt, now)} by ${callerOf(detail.invokedBy)}`],
    ["Scheduled", fullTime(detail.scheduledAt, now)],
    ["Started", fullTime(detail.startedAt, now)],
    ["Completed", fullTime(detail.completedAt, now)],
    ["Kept until", fullTime(detail.retentionUntil, now)],
    ["Attempt", attempt > 0 ? `${attempt}${retries}` : undefined],
    ["Next retry", fullTime(detail.nextRetryAt, now)],
    ["Deployment", detail.deployment],
    ["Idempotency key", detail.idempotencyKey],
    ["Restarted from", detail.restartedFrom],
    ["Cancel", detail.cancelRequested === true ? "requested" : undefined],
    // What it retries after is the last failure, below.
    ...(detail.waitingFor ?? [])
      .filter(({ kind }) => kind !== "retry" || detail.status !== "backing-off")
      .map((wait) => ["Waits for", waitText(wait, now)] as const),
    ["Failure", failureCell(detail.failure)],
    ["Last failure", detail.failure === undefined ? failureCell(detail.lastFailure, now) : undefined],
  ]);
}

function callerOf(invokedBy: InvokedBy | undefined): string {
  switch (invokedBy?.kind) {
    case "invocation":
      return invokedBy.target === undefined ? invokedBy.id : `${invokedBy.id} (${invokedBy.target})`;
    case "restart":
      return `a restart of ${invokedBy.id}`;
    case "schedule":
      return `the schedule ${invokedBy.name}`;
    case "ingress":
    case undefined:
      return "the ingress";
  }
}

function waitText(wait: WaitInfo, now: number): string {
  const until = relativeTime(wait.until, now);
  const since = relativeTime(wait.since, now);
  return `${wait.detail}, since ${since ?? "its start"}${until === undefined ? "" : `, ends ${until}`}`;
}

function failureCell(failure: FailureInfo | undefined, now?: number): Cell | undefined {
  if (failure === undefined) return undefined;
  const { message, errorCode, code, hint, at, relatedEntry } = failure;
  const when = now === undefined ? undefined : relativeTime(at, now);
  const place =
    relatedEntry === undefined
      ? []
      : [`in entry ${relatedEntry.index}: ${relatedEntry.type} ${relatedEntry.name ?? ""}`.trimEnd()];
  const facts = [errorCode ?? String(code), ...place, ...(when === undefined ? [] : [when])];
  const lines = [message, `[${facts.join(", ")}]`, ...(hint === undefined ? [] : [hint])];
  return { text: lines.join("\n"), style: "red" };
}

/** The beginning and the end of a long one: how it started, and where it is. */
function showJournal(
  { journal, journalKept, journalEntries }: InvocationDetail,
  most: number,
  out: Output,
): void {
  if (!journalKept) {
    out.print();
    out.print(out.paint("dim", "The journal is no longer kept."));
    return;
  }
  out.heading(`Journal (${journalEntries} ${journalEntries === 1 ? "entry" : "entries"})`);
  const head = Math.ceil(most / 2);
  const isLong = journal.length > most;
  const rows = journal.map((entry) => journalRow(entry, out.now));
  const shown = isLong
    ? [...rows.slice(0, head), ["", "", "…"], ...rows.slice(rows.length - Math.floor(most / 2))]
    : rows;
  out.table(
    [
      { title: "#", align: "right" },
      { title: "COMMAND", align: "right" },
      { title: "TYPE" },
      { title: "WHAT", shrinks: true },
      { title: "AT" },
      { title: "RESULT", shrinks: true },
    ],
    shown,
  );
}

function journalRow(entry: JournalEntryInfo, now: number): readonly Cell[] {
  const { index, commandIndex, type, name, detail, at } = entry;
  const what = detail ?? name ?? "";
  const number = commandIndex === undefined ? "" : String(commandIndex);
  return [String(index), number, type, what, relativeTime(at, now) ?? "", resultCell(entry)];
}

function resultCell(entry: JournalEntryInfo): Cell {
  const { failure, value, completed, completedBy, stepFailures, lastStepFailure } = entry;
  if (failure !== undefined) return { text: failure.message, style: "red" };
  if (completed === false) {
    const failures =
      stepFailures === undefined ? "" : `, failed ${stepFailures} times: ${lastStepFailure?.message}`;
    return { text: `open${failures}`, style: "yellow" };
  }
  if (value !== undefined) return previewText(value);
  return completedBy === undefined ? "" : `see ${completedBy}`;
}

function showEvents(events: readonly InvocationEvent[], out: Output): void {
  if (events.length === 0) return;
  out.heading("Events");
  const shown = events.slice(-EVENTS_SHOWN);
  if (shown.length < events.length) out.print(out.paint("dim", `… ${events.length - shown.length} before`));
  const rows = shown.map(({ at, kind, detail, count }) => [
    relativeTime(at, out.now) ?? "",
    count === undefined ? kind : `${kind} ×${count}`,
    detail,
  ]);
  out.table([{ title: "AT" }, { title: "EVENT" }, { title: "DETAIL", shrinks: true }], rows);
}
