import type { PromiseInfo } from "@holdfast/protocol";

import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { OBJECT_HELP, objectAddress } from "../../object-address.ts";
import type { Cell } from "../../output/table.ts";
import { relativeTime } from "../../output/time.ts";
import { previewText } from "../../output/value.ts";
import { statusCell } from "../../promise-address.ts";

export const list: Command = defineCommand({
  args: [{ name: "workflow", help: OBJECT_HELP }],
  options: connectionOptions,
  examples: [{ line: "holdfast promises list deploy/shop@42", help: "what a workflow waits for" }],
  async run({ args, options, out, environment }) {
    const { service, key } = objectAddress(args[0] ?? "");
    const promises = await connectTo(options, environment).admin.promises(service, key);
    out.result(promises, () => {
      if (promises.length === 0) {
        out.note("There are no promises.");
        return;
      }
      out.table(
        [{ title: "NAME" }, { title: "STATUS" }, { title: "WHEN" }, { title: "VALUE", shrinks: true }],
        promises.map((promise) => rowOf(promise, out.now)),
      );
    });
  },
});

function rowOf(
  { name, status, value, failure, completedAt, waiting }: PromiseInfo,
  now: number,
): readonly Cell[] {
  const waiters = waiting.length > 0 ? `awaited by ${waiting.join(", ")}` : "";
  const shown = failure?.message ?? (value === undefined ? waiters : previewText(value));
  return [name, statusCell(status), relativeTime(completedAt, now) ?? "", shown];
}
