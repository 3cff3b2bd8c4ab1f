import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { JSON_HELP, readValue } from "../../json-input.ts";
import { promiseAddress, promiseArgs, reportSettled } from "../../promise-address.ts";

export const resolve: Command = defineCommand({
  description: "A promise is completed once. With another outcome there already, this ends with exit code 4.",
  args: [...promiseArgs, { name: "value", help: JSON_HELP, optional: true }],
  options: connectionOptions,
  examples: [
    { line: `holdfast promises resolve deploy/shop@42 approval '{"ok":true}'`, help: "the workflow goes on" },
  ],
  async run({ args, options, out, environment }) {
    const value = await readValue(args[2], "value", environment);
    const address = promiseAddress(args);
    const { admin } = connectTo(options, environment);
    const settled = await admin.settlePromise(address.service, address.key, address.name).resolve(value);
    return reportSettled(address, settled, { ok: true, value }, out);
  },
});
