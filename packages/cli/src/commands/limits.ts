import { formatDuration, type LimitInfo } from "@holdfast/protocol";

import { connectionOptions, defineCommand, type Command } from "../command.ts";
import { connectTo } from "../connect-to.ts";
import { shownBytes } from "../output/bytes.ts";

export const limits: Command = defineCommand({
  args: [],
  options: connectionOptions,
  examples: [
    {
      line: "holdfast limits",
      help: "values, the settings that change them, and what a violation is called",
    },
  ],
  async run({ options, out, environment }) {
    const items = await connectTo(options, environment).admin.limits();
    out.result(items, () =>
      out.table(
        [
          { title: "SETTING" },
          { title: "VALUE", align: "right" },
          { title: "FROM" },
          { title: "ERROR" },
          { title: "MEANING", shrinks: true },
        ],
        items.map(({ configKey, value, unit, source, code, meaning }) => [
          configKey,
          shownAmount(value, unit),
          source,
          code,
          meaning,
        ]),
      ),
    );
  },
});

function shownAmount(value: number, unit: LimitInfo["unit"]): string {
  if (unit === "bytes") return shownBytes(value);
  return unit === "ms" ? formatDuration(value) : String(value);
}
