import { parseDuration } from "@holdfast/protocol";

import { callTarget, TARGET_HELP } from "../calling/call-target.ts";
import { CliError } from "../cli-error.ts";
import { connectionOptions, defineCommand, type Command } from "../command.ts";
import { connectTo } from "../connect-to.ts";
import { ExitCode } from "../exit-code.ts";
import { JSON_HELP, readValue } from "../json-input.ts";
import { printValue } from "../output/value.ts";
import { readDuration, readHeaders } from "../read-option.ts";

export const call: Command = defineCommand({
  description:
    "Waits for the result and prints it as JSON, as long as that takes. A handler that ends with a failure ends this with " +
    "exit code 1. Giving up (Ctrl-C, --timeout) does not stop the invocation.",
  args: [
    { name: "target", help: TARGET_HELP },
    { name: "input", help: JSON_HELP, optional: true },
  ],
  options: {
    key: { type: "string", value: "KEY", help: "the key, for one that is hard to write into the target" },
    "idempotency-key": {
      type: "string",
      value: "KEY",
      help: "repeating the call with this key is the same call",
    },
    header: { type: "string", value: "NAME:VALUE", multiple: true, help: "send this header" },
    timeout: { type: "string", value: "DURATION", help: "give up waiting after so long" },
    ...connectionOptions,
  },
  examples: [
    { line: `holdfast call greeter/greet '{"name":"Ada"}'`, help: "a service" },
    { line: "holdfast call counter/visits/add 1", help: "an object, by its key" },
    {
      line: "holdfast call deploy/shop@42/run @deploy.json --timeout 10m",
      help: "a workflow, input from a file",
    },
  ],
  async run({ args, options, out, environment }) {
    const target = callTarget(args[0] ?? "", options.key);
    const input = await readValue(args[1], "input", environment);
    const idempotencyKey = options["idempotency-key"];
    const timeout = readDuration(options.timeout, "--timeout");
    const signal = timeout === undefined ? undefined : AbortSignal.timeout(parseDuration(timeout) ?? 0);
    const callOptions = {
      headers: readHeaders(options.header),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(signal === undefined ? {} : { signal }),
    };
    const client = connectTo(options, environment);
    try {
      printValue(out, await client.call(target.ref, ...target.keyArgs, input, callOptions));
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      throw new CliError("timeout", `${target.text} has no result after ${timeout}`, {
        exitCode: ExitCode.failed,
        hint: `It goes on. holdfast invocations list ${target.text} finds it; attach waits for it again.`,
        cause: error,
      });
    }
  },
});
