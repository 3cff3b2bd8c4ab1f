import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import type { Cell } from "../../output/table.ts";
import { readCount } from "../../read-option.ts";

const LIMIT_DEFAULT = 100;
const PAGE_MAX = 1_000;

export const list: Command = defineCommand({
  args: [{ name: "service", help: "an object or a workflow" }],
  options: {
    limit: { type: "string", short: "n", value: "N", help: `show at most N; default ${LIMIT_DEFAULT}` },
    all: { type: "boolean", short: "a", help: "show all" },
    ...connectionOptions,
  },
  examples: [
    { line: "holdfast state list counter", help: "keys, and who holds their lock" },
    { line: "holdfast state list counter --all --json | jq -r .key", help: "for scripts: a line each" },
  ],
  async run({ args, options, out, environment }) {
    const { state } = connectTo(options, environment).admin;
    const limit = options.all ? Number.POSITIVE_INFINITY : readCount(options.limit, "--limit", LIMIT_DEFAULT);
    const rows: Array<readonly Cell[]> = [];
    let shown = 0;
    let cursor: string | undefined;
    do {
      const pageSize = Math.min(limit - shown, PAGE_MAX);
      const page = await state.list(args[0] ?? "", {
        limit: pageSize,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const item of page.items) {
        const { key, version, entries, bytes, lockedBy, queued } = item;
        if (out.isJson) out.jsonLine(item);
        else
          rows.push([key, String(version), String(entries), String(bytes), lockedBy ?? "", String(queued)]);
      }
      shown += page.items.length;
      cursor = page.nextCursor;
    } while (cursor !== undefined && shown < limit);
    if (out.isJson) return;
    if (rows.length === 0) {
      out.note("There is no state.");
      return;
    }
    out.table(
      [
        { title: "KEY", shrinks: true },
        { title: "VERSION", align: "right" },
        { title: "ENTRIES", align: "right" },
        { title: "BYTES", align: "right" },
        { title: "LOCKED BY" },
        { title: "QUEUED", align: "right" },
      ],
      rows,
    );
    if (cursor !== undefined) out.note("There are more: --limit N shows more, --all shows all.");
  },
});
