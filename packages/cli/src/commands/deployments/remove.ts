import { confirmOption, connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { ExitCode } from "../../exit-code.ts";

export const remove: Command = defineCommand({
  description:
    "Refused (exit code 4) while invocations are bound to it. With --force they stay, and pause when they next need it: " +
    "resume them on another deployment.",
  args: [{ name: "deployment", help: "id, or the beginning of one (dp_1…)" }],
  options: {
    force: { type: "boolean", short: "f", help: "also while invocations are bound to it; asks first" },
    ...confirmOption,
    ...connectionOptions,
  },
  examples: [
    { line: "holdfast deployments remove dp_1cPQ", help: "one that is drained" },
    { line: "holdfast deployments remove dp_1cPQ --force -y", help: "one that will never come back" },
  ],
  async run({ args, options, out, environment }) {
    const { deployments } = connectTo(options, environment).admin;
    const { id, activeInvocations } = await deployments.get(args[0] ?? "");
    if (options.force && activeInvocations > 0 && !options.yes) {
      const question = `Remove ${id}, to which ${activeInvocations} invocations are bound?`;
      if (!(await out.confirm(question))) return ExitCode.failed;
    }
    await deployments.remove(id, options.force ? { force: true } : {});
    out.result({ id, removed: true, invocationsLeft: activeInvocations }, () => out.print(`${id} removed`));
    return ExitCode.ok;
  },
});
