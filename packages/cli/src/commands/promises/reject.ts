import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { promiseAddress, promiseArgs, reportSettled } from "../../promise-address.ts";

/** What the ingress gives a rejection that names none. */
const REJECTION_CODE = 500;

export const reject: Command = defineCommand({
  description: "A promise is completed once. With another outcome there already, this ends with exit code 4.",
  args: [...promiseArgs, { name: "reason", help: "the message of the failure" }],
  options: connectionOptions,
  examples: [
    {
      line: `holdfast promises reject deploy/shop@42 approval "not before Monday"`,
      help: "the workflow's await throws",
    },
  ],
  async run({ args, options, out, environment }) {
    const address = promiseAddress(args);
    const message = args[2] ?? "";
    const { admin } = connectTo(options, environment);
    const settled = await admin.settlePromise(address.service, address.key, address.name).reject(message);
    return reportSettled(
      address,
      settled,
      { ok: false, reason: "rejected", code: REJECTION_CODE, message },
      out,
    );
  },
});
