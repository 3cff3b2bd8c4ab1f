import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { showDeployment } from "../../deployment-view.ts";

export const describe: Command = defineCommand({
  args: [{ name: "deployment", help: "id, or the beginning of one (dp_1…)" }],
  options: connectionOptions,
  examples: [{ line: "holdfast deployments describe dp_1cPQ", help: "its services, and what still uses it" }],
  async run({ args, options, out, environment }) {
    const deployment = await connectTo(options, environment).admin.deployments.get(args[0] ?? "");
    out.result(deployment, () => showDeployment(deployment, out));
  },
});
