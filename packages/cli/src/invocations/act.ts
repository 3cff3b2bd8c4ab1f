/** Doing one thing to one, several, or very many invocations. */
import { setTimeout as wait } from "node:timers/promises";

import type { Client, InvocationAdmin } from "@holdfast/client";
import type {
  BulkProgress,
  BulkRequest,
  InvocationAction,
  InvocationActionRequest,
  InvocationActionResponse,
  InvocationStatus,
} from "@holdfast/protocol";

import { usageError } from "../cli-error.ts";
import {
  confirmOption,
  connectionOptions,
  type Context,
  type OptionSpecs,
  type ValuesOf,
} from "../command.ts";
import { connectTo } from "../connect-to.ts";
import { ExitCode } from "../exit-code.ts";
import { failureOf } from "../failure.ts";
import type { Output } from "../output/output.ts";
import { shownLine } from "../output/shown-text.ts";
import { readCount } from "../read-option.ts";
import { filterOptions } from "./filter-options.ts";
import { selectionOf, type Selection } from "./selection.ts";
import { summaryColumns, summaryRow } from "./summary-table.ts";

export const actionOptions = {
  ...filterOptions,
  limit: { type: "string", short: "n", value: "N", help: "stop after so many" },
  "dry-run": { type: "boolean", help: "say what would be done, and do nothing" },
  ...confirmOption,
  ...connectionOptions,
} as const satisfies OptionSpecs;

export type ActionValues = ValuesOf<typeof actionOptions>;

/** What commands differ in. */
export type Action = {
  readonly name: InvocationAction;
  /** "cancelled" */
  readonly past: string;
  /** What an answer of `unchanged` means. */
  readonly unchanged: string;
  /** Statuses in which it can be done at all; a filter that names none selects these. */
  readonly appliesTo: readonly InvocationStatus[];
  readonly request: InvocationActionRequest;
  perform(invocations: InvocationAdmin, id: string): Promise<InvocationActionResponse>;
};

type Deed = { readonly action: Action; readonly client: Client; readonly out: Output };

const FAILURES_SHOWN = 10;
const MATCHES_SHOWN = 10;
const POLL_MS_MIN = 50;
const POLL_MS_MAX = 1_000;

export async function act(
  action: Action,
  { args, options, out, environment }: Omit<Context, "options"> & { readonly options: ActionValues },
): Promise<ExitCode> {
  const client = connectTo(options, environment);
  const selection = await selectionOf(args, options, { client, now: out.now });
  const deed: Deed = { action, client, out };
  if (selection.kind === "filter") return onFilter(deed, withStatus(selection, action, args), options);
  const [only = "", other] = selection.ids;
  if (options["dry-run"])
    return dryRun(deed, { ...action.request, action: action.name, filter: {} }, selection.ids);
  if (other === undefined) return onOne(deed, only);
  const question = `${capitalized(action.name)} ${selection.ids.length} invocations?`;
  if (!options.yes && !(await out.confirm(question))) return declined(out);
  return onEach(deed, selection.ids);
}

async function onOne({ action, client, out }: Deed, id: string): Promise<ExitCode> {
  const response = await action.perform(client.admin.invocations, id);
  out.result(response, () => out.print(sentence(action, response)));
  return ExitCode.ok;
}

function sentence({ name, past, unchanged }: Action, response: InvocationActionResponse): string {
  const { id, outcome, newInvocationId } = response;
  if (newInvocationId !== undefined) return `${id} ${past} as ${newInvocationId}`;
  switch (outcome) {
    case "done":
      return `${id} ${past}`;
    case "requested":
      return `${id}: ${name} requested; it takes effect when the handler lets it`;
    case "unchanged":
      return `${id} ${unchanged}`;
  }
}

/** One after the other: these were named one by one, and the first refusal must not hide how the others went. */
async function onEach({ action, client, out }: Deed, ids: readonly string[]): Promise<ExitCode> {
  let done = 0;
  const failed: Array<BulkProgress["failed"][number]> = [];
  for (const id of ids) {
    out.progress(`${done + failed.length} of ${ids.length}`);
    try {
      const response = await action.perform(client.admin.invocations, id);
      done += 1;
      if (!out.isJson) out.print(sentence(action, response));
    } catch (error) {
      const { error: code, message, exitCode } = failureOf(error);
      if (exitCode === ExitCode.unreachable) throw error;
      failed.push({ id, code, message });
    }
  }
  const report = {
    action: action.name,
    matched: ids.length,
    done,
    failedCount: failed.length,
    failed,
    finished: true,
  };
  return finish({ action, out }, report);
}

async function onFilter(
  deed: Deed,
  selection: Selection & { readonly kind: "filter" },
  options: ActionValues,
): Promise<ExitCode> {
  const { action, client, out } = deed;
  const limit = options.limit === undefined ? undefined : readCount(options.limit, "--limit", 0);
  const order: BulkRequest = {
    ...action.request,
    action: action.name,
    filter: selection.filter,
    ...(limit === undefined ? {} : { limit }),
  };
  if (options["dry-run"]) return dryRun(deed, order, undefined);
  if (!options.yes) {
    const { matched } = await untilFinished(
      deed,
      await client.admin.invocations.bulk({ ...order, dryRun: true }),
    );
    if (matched === 0) return nothing(deed);
    const question = `${capitalized(action.name)} ${matched} ${matched === 1 ? "invocation" : "invocations"}?`;
    if (out.isInteractive) await showMatches(deed, order);
    if (!(await out.confirm(question))) return declined(out);
  }
  const progress = await untilFinished(deed, await client.admin.invocations.bulk(order));
  if (progress.matched === 0 && !out.isJson) return nothing(deed);
  return finish(deed, progress);
}

async function dryRun(deed: Deed, order: BulkRequest, ids: readonly string[] | undefined): Promise<ExitCode> {
  const { action, client, out } = deed;
  if (ids !== undefined) {
    const matches = await Promise.all(ids.map((id) => client.admin.invocations.get(id)));
    const report = { action: action.name, dryRun: true, matched: matches.length, finished: true };
    out.result(report, () =>
      out.table(
        summaryColumns,
        matches.map((match) => summaryRow(match, out.now)),
      ),
    );
    return ExitCode.ok;
  }
  const progress = await untilFinished(deed, await client.admin.invocations.bulk({ ...order, dryRun: true }));
  if (progress.matched === 0 && !out.isJson) return nothing(deed);
  if (!out.isJson) await showMatches(deed, order);
  out.result(progress, () => out.print(`${progress.matched} would be ${action.past}.`));
  return ExitCode.ok;
}

async function showMatches({ client, out }: Deed, { filter }: BulkRequest): Promise<void> {
  const { items } = await client.admin.invocations.list({ ...filter, limit: MATCHES_SHOWN });
  out.table(
    summaryColumns,
    items.map((summary) => summaryRow(summary, out.now)),
  );
  if (items.length === MATCHES_SHOWN) out.print("…");
}

/** The server works on by itself: whoever stops watching does not stop it. */
async function untilFinished({ client, out }: Deed, begun: BulkProgress): Promise<BulkProgress> {
  let progress = begun;
  let pause = POLL_MS_MIN;
  while (!progress.finished) {
    const { matched, done, failedCount } = progress;
    out.progress(progress.dryRun ? `${matched} found` : `${done + failedCount} of ${matched} found so far`);
    await wait(pause);
    pause = Math.min(POLL_MS_MAX, pause * 2);
    progress = await client.admin.invocations.bulkProgress(progress.id);
  }
  out.endProgress();
  return progress;
}

type Report = Pick<BulkProgress, "matched" | "done" | "failedCount" | "failed" | "stopped">;

function finish({ action, out }: Pick<Deed, "action" | "out">, report: Report): ExitCode {
  out.endProgress();
  out.result(report, () => {
    const { matched, done, failedCount, failed, stopped } = report;
    out.print(`${done} of ${matched} ${action.past}.`);
    if (stopped !== undefined) out.note(`Stopped before the end: ${shownLine(stopped)}`);
    if (failedCount === 0) return;
    out.note(`${failedCount} failed:`);
    for (const { id, code, message } of failed.slice(0, FAILURES_SHOWN)) {
      out.note(`  ${id}  ${shownLine(message)}  (${code})`);
    }
    if (failedCount > FAILURES_SHOWN) out.note(`  … --json lists ${failed.length} of them`);
  });
  return report.failedCount > 0 || report.stopped !== undefined ? ExitCode.failed : ExitCode.ok;
}

function nothing({ action, out }: Deed): ExitCode {
  out.result({ action: action.name, matched: 0, done: 0, failedCount: 0, failed: [], finished: true }, () =>
    out.print(`No invocation matches: nothing was ${action.past}.`),
  );
  return ExitCode.ok;
}

function declined(out: Output): ExitCode {
  out.note("Nothing was done.");
  return ExitCode.failed;
}

/** Nobody means all there are by saying nothing, and those that cannot be meant are left out. */
function withStatus(
  selection: Selection & { readonly kind: "filter" },
  { name, appliesTo }: Action,
  args: readonly string[],
): Selection & { readonly kind: "filter" } {
  const { filter } = selection;
  if (args.length === 0 && Object.keys(filter).length === 0) {
    throw usageError(`holdfast invocations ${name} needs to know which`, {
      hint: "Give ids, an address such as service/key, or filters such as --status paused.",
    });
  }
  return { kind: "filter", filter: { ...filter, status: filter.status ?? appliesTo } };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
