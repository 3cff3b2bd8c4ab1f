import type { Client } from "@holdfast/client";
import type { InvocationFilter, InvocationSummary } from "@holdfast/protocol";

import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { filterOptions } from "../../invocations/filter-options.ts";
import { ADDRESS_HELP, selectionOf, type Selection } from "../../invocations/selection.ts";
import { summaryColumns, summaryRow } from "../../invocations/summary-table.ts";
import type { Cell } from "../../output/table.ts";
import { readCount } from "../../read-option.ts";

const LIMIT_DEFAULT = 50;
const PAGE_MAX = 1_000;

export const list: Command = defineCommand({
  args: [{ name: "address", help: ADDRESS_HELP, optional: true, many: true }],
  options: {
    ...filterOptions,
    limit: { type: "string", short: "n", value: "N", help: `show at most N; default ${LIMIT_DEFAULT}` },
    all: { type: "boolean", short: "a", help: "show all that match" },
    ...connectionOptions,
  },
  examples: [
    { line: "holdfast invocations list", help: "the newest ones" },
    { line: "holdfast invocations list --status paused,backing-off", help: "what does not get on" },
    { line: "holdfast invocations list deploy/shop@42", help: "one key of an object or workflow" },
    {
      line: "holdfast invocations list --after 1h --result failure --json",
      help: "for scripts: a line each",
    },
  ],
  async run({ args, options, out, environment }) {
    const client = connectTo(options, environment);
    const selection = await selectionOf(args, options, { client, now: out.now });
    const limit = options.all ? Number.POSITIVE_INFINITY : readCount(options.limit, "--limit", LIMIT_DEFAULT);
    const rows: Array<readonly Cell[]> = [];
    let shown = 0;
    let isCut = false;
    for await (const summary of selected(client, selection, limit)) {
      isCut = shown === limit;
      if (isCut) break;
      shown += 1;
      if (out.isJson) out.jsonLine(summary);
      else rows.push(summaryRow(summary, out.now));
    }
    if (out.isJson) return;
    if (shown === 0) out.note("No invocation matches.");
    else out.table(summaryColumns, rows);
    if (isCut) out.note("There are more: --limit N shows more, --all shows all.");
  },
});

/** One more than the limit where there is one, so that whoever counts knows that something was left out. */
async function* selected(
  client: Client,
  selection: Selection,
  limit: number,
): AsyncGenerator<InvocationSummary> {
  if (selection.kind === "filter") {
    yield* pages(client, selection.filter, limit);
    return;
  }
  for (const id of selection.ids) yield* pages(client, { idPrefix: id }, limit);
}

async function* pages(
  client: Client,
  filter: InvocationFilter,
  limit: number,
): AsyncGenerator<InvocationSummary> {
  const pageSize = Math.min(limit + 1, PAGE_MAX);
  let cursor: string | undefined;
  do {
    const page = await client.admin.invocations.list({
      ...filter,
      limit: pageSize,
      ...(cursor === undefined ? {} : { cursor }),
    });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
