import type { SendResponse } from "@holdfast/protocol";

import { callTarget, TARGET_HELP } from "../calling/call-target.ts";
import { connectionOptions, defineCommand, type Command } from "../command.ts";
import { connectTo } from "../connect-to.ts";
import { JSON_HELP, readValue } from "../json-input.ts";
import { fullTime } from "../output/time.ts";
import { readDuration, readHeaders } from "../read-option.ts";

export const send: Command = defineCommand({
  description: "Prints the id as soon as the invocation is durable, without waiting for its result.",
  args: [
    { name: "target", help: TARGET_HELP },
    { name: "input", help: JSON_HELP, optional: true },
  ],
  options: {
    delay: { type: "string", value: "DURATION", help: "start so much later: 90s, 1h30m, 3d" },
    key: { type: "string", value: "KEY", help: "the key, for one that is hard to write into the target" },
    "idempotency-key": {
      type: "string",
      value: "KEY",
      help: "repeating it with this key is the same invocation",
    },
    header: { type: "string", value: "NAME:VALUE", multiple: true, help: "send this header" },
    ...connectionOptions,
  },
  examples: [
    { line: `holdfast send mail/send '{"to":"ada@example.com"}'`, help: "now" },
    { line: "holdfast send cleanup/remove @app.json --delay 3d", help: "later, unless someone cancels it" },
    { line: `id=$(holdfast send mail/send '{}'); holdfast invocations attach "$id"`, help: "in a script" },
  ],
  async run({ args, options, out, environment }) {
    const target = callTarget(args[0] ?? "", options.key);
    const input = await readValue(args[1], "input", environment);
    const delay = readDuration(options.delay, "--delay");
    const idempotencyKey = options["idempotency-key"];
    const client = connectTo(options, environment);
    const { invocationId, status, executionTime } = await client.send(target.ref, ...target.keyArgs, input, {
      headers: readHeaders(options.header),
      ...(delay === undefined ? {} : { delay }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
    const response: SendResponse = {
      invocationId,
      status,
      ...(executionTime === undefined ? {} : { executionTime }),
    };
    out.result(response, () => {
      out.print(invocationId);
      if (status === "PreviouslyAccepted") out.note("It was sent before; this is that invocation.");
      if (executionTime !== undefined) out.note(`Starts ${fullTime(executionTime, out.now)}`);
    });
  },
});
