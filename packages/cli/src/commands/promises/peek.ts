import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { fullTime } from "../../output/time.ts";
import { previewText } from "../../output/value.ts";
import { promiseAddress, promiseArgs, statusCell } from "../../promise-address.ts";

export const peek: Command = defineCommand({
  args: promiseArgs,
  options: connectionOptions,
  examples: [
    { line: "holdfast promises peek deploy/shop@42 approval", help: "pending, resolved or rejected" },
    { line: "holdfast promises peek deploy/shop@42 approval --json | jq .value.json", help: "its value" },
  ],
  async run({ args, options, out, environment }) {
    const { service, key, name } = promiseAddress(args);
    const promise = await connectTo(options, environment).admin.promise(service, key, name);
    out.result(promise, () =>
      out.fields([
        ["Status", statusCell(promise.status)],
        ["Value", promise.value === undefined ? undefined : previewText(promise.value)],
        ["Failure", promise.failure?.message],
        ["Completed", fullTime(promise.completedAt, out.now)],
        ["Awaited by", promise.waiting.length > 0 ? promise.waiting.join(", ") : undefined],
      ]),
    );
  },
});
