import type { InvocationStatus, InvocationSummary } from "@holdfast/protocol";

import type { Style } from "../output/paint.ts";
import type { Cell, Column } from "../output/table.ts";
import { relativeTime } from "../output/time.ts";

export const summaryColumns: readonly Column[] = [
  { title: "ID" },
  { title: "TARGET", shrinks: true },
  { title: "STATUS" },
  { title: "CREATED" },
  { title: "NOTE", shrinks: true },
];

export function summaryRow(summary: InvocationSummary, now: number): readonly Cell[] {
  const { id, target, createdAt } = summary;
  return [id, target, statusCell(summary), relativeTime(createdAt, now) ?? "", noteOf(summary, now)];
}

const STYLES: Readonly<Record<InvocationStatus, Style>> = {
  scheduled: "blue",
  queued: "blue",
  ready: "cyan",
  running: "cyan",
  "backing-off": "yellow",
  suspended: "dim",
  paused: "magenta",
  completed: "green",
};

export function statusCell({
  status,
  result,
}: Pick<InvocationSummary, "status" | "result">): Extract<Cell, object> {
  if (status === "completed" && result === "failure") return { text: "failed", style: "red" };
  return { text: status, style: STYLES[status] };
}

/** Why it is where it is, in a few words. */
export function noteOf(summary: InvocationSummary, now: number): string {
  const { status, failure, lastFailure, nextRetryAt, scheduledAt, cancelRequested, waitingFor } = summary;
  const [wait] = waitingFor ?? [];
  const parts: Array<string | undefined> = [cancelRequested === true ? "cancel requested" : undefined];
  if (status === "completed") parts.push(failure?.message);
  else if (status === "scheduled") parts.push(`starts ${relativeTime(scheduledAt, now) ?? "later"}`);
  else if (status === "backing-off") {
    const retry = relativeTime(nextRetryAt, now);
    parts.push(retry === undefined ? undefined : `retries ${retry}`, lastFailure?.message);
  } else if (wait !== undefined) {
    const until = relativeTime(wait.until, now);
    parts.push(`waits for ${wait.detail}${until === undefined ? "" : `, ${until}`}`);
  }
  return parts.filter((part) => part !== undefined).join("; ");
}
