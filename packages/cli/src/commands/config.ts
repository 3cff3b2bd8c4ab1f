import { connectionOptions, defineCommand, type Command } from "../command.ts";
import { connectTo } from "../connect-to.ts";

export const config: Command = defineCommand({
  description: "docs/configuration.md describes every setting.",
  args: [],
  options: {
    changed: { type: "boolean", help: "only settings that differ from their default" },
    ...connectionOptions,
  },
  examples: [{ line: "holdfast config --changed", help: "what was set, and where" }],
  async run({ options, out, environment }) {
    const all = await connectTo(options, environment).admin.config();
    const items = options.changed ? all.filter(({ source }) => source !== "default") : all;
    out.result(items, () =>
      out.table(
        [
          { title: "SETTING" },
          { title: "VALUE", shrinks: true },
          { title: "FROM" },
          { title: "MEANING", shrinks: true },
        ],
        items.map(({ key, value, source, meaning }) => [key, value, source, meaning]),
      ),
    );
  },
});
