import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { printValue } from "../../output/value.ts";

export const attach: Command = defineCommand({
  description: "Prints the result. An invocation that ends with a failure ends this with exit code 1.",
  args: [{ name: "invocation", help: "id, or the beginning of one" }],
  options: connectionOptions,
  examples: [
    { line: "holdfast invocations attach inv_1bcDe", help: "wait, also for one that was sent long ago" },
  ],
  async run({ args, options, out, environment }) {
    const client = connectTo(options, environment);
    const { id } = await client.admin.invocations.get(args[0] ?? "");
    printValue(out, await client.invocation(id).attach());
  },
});
