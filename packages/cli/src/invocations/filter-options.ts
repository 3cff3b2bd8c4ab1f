/** The options by which commands select invocations. */
import { parseDuration, type InvocationFilter, type InvocationStatus } from "@holdfast/protocol";

import { usageError } from "../cli-error.ts";
import type { OptionSpecs, ValuesOf } from "../command.ts";

export const STATUSES: readonly InvocationStatus[] = [
  "scheduled",
  "queued",
  "running",
  "backing-off",
  "suspended",
  "paused",
  "completed",
];

export const filterOptions = {
  service: { type: "string", value: "NAME", help: "of this service" },
  handler: { type: "string", value: "NAME", help: "of this handler" },
  key: { type: "string", value: "KEY", help: "of this object or workflow key" },
  status: {
    type: "string",
    value: "STATUS",
    multiple: true,
    help: `in this status: ${STATUSES.join(", ")}; several separated by commas`,
  },
  deployment: { type: "string", value: "ID", help: "bound to this deployment" },
  result: { type: "string", value: "success|failure", help: "completed in this way" },
  before: { type: "string", value: "TIME", help: "created before a time, or so long ago: 2h" },
  after: { type: "string", value: "TIME", help: "created after a time, or since so long: 2h" },
  "idempotency-key": { type: "string", value: "KEY", help: "started with this idempotency key" },
  failure: { type: "string", value: "TEXT", help: "with this text in the last failure" },
} as const satisfies OptionSpecs;

export type FilterValues = ValuesOf<typeof filterOptions>;

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

export function filterOf(options: FilterValues, now: number): InvocationFilter {
  const filter: Writable<InvocationFilter> = {};
  const { service, handler, key, deployment, failure } = options;
  if (service !== undefined) filter.service = service;
  if (handler !== undefined) filter.handler = handler;
  if (key !== undefined) filter.key = key;
  if (deployment !== undefined) filter.deployment = deployment;
  if (failure !== undefined) filter.failureContains = failure;
  const idempotencyKey = options["idempotency-key"];
  if (idempotencyKey !== undefined) filter.idempotencyKey = idempotencyKey;
  if (options.result !== undefined) filter.result = resultOf(options.result);
  if (options.before !== undefined) filter.createdBefore = instantOf(options.before, "--before", now);
  if (options.after !== undefined) filter.createdAfter = instantOf(options.after, "--after", now);
  if (options.status.length > 0) filter.status = options.status.flatMap(statusesOf);
  return filter;
}

function statusesOf(text: string): readonly InvocationStatus[] {
  return text.split(",").map((name) => {
    const status = STATUSES.find((candidate) => candidate === name.trim());
    if (status !== undefined) return status;
    throw usageError(`"${name.trim()}" is no status`, {
      meant: { word: name.trim(), candidates: STATUSES },
      hint: `There are: ${STATUSES.join(", ")}.`,
    });
  });
}

function resultOf(text: string): "success" | "failure" {
  if (text === "success" || text === "failure") return text;
  throw usageError(`"${text}" is no result`, { hint: "Write success or failure." });
}

/** A date as it is, a duration as so long ago. */
function instantOf(text: string, option: string, now: number): string {
  const ago = parseDuration(text);
  // Also longer ago than a date can say.
  const time = new Date(ago === undefined ? text : now - ago);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw usageError(`${option} "${text}" is neither a time nor a duration`, {
    hint: "Write 2026-11-23T08:00:00Z, or 90m for so long ago.",
  });
}
