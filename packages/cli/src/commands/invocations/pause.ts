import { defineCommand, type Command } from "../../command.ts";
import { act, actionOptions } from "../../invocations/act.ts";
import { ADDRESS_HELP } from "../../invocations/selection.ts";

export const pause: Command = defineCommand({
  description:
    "Cuts a running attempt off: a step that is executing will be executed again. The lock of an object stays held.",
  args: [{ name: "invocation", help: ADDRESS_HELP, optional: true, many: true }],
  options: actionOptions,
  examples: [
    { line: "holdfast invocations pause inv_1bcDe", help: "one, by the beginning of its id" },
    { line: "holdfast invocations pause mail --status backing-off", help: "stop the retries of a service" },
  ],
  run: (context) =>
    act(
      {
        name: "pause",
        past: "paused",
        unchanged: "is paused already",
        appliesTo: ["running", "backing-off", "suspended"],
        request: {},
        perform: (invocations, id) => invocations.pause(id),
      },
      context,
    ),
});
