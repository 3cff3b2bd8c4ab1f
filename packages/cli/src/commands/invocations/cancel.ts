import { defineCommand, type Command } from "../../command.ts";
import { act, actionOptions } from "../../invocations/act.ts";
import { ADDRESS_HELP } from "../../invocations/selection.ts";

export const cancel: Command = defineCommand({
  description:
    "The handler learns of it at its next wait, as a CancelledError, and may clean up; what it has called and still " +
    "waits for is cancelled as well. One that has not started, or is paused or backing off, ends at once.",
  args: [{ name: "invocation", help: ADDRESS_HELP, optional: true, many: true }],
  options: actionOptions,
  examples: [
    { line: "holdfast invocations cancel inv_1bcDe", help: "one, by the beginning of its id" },
    { line: "holdfast invocations cancel counter/visits", help: "all of one key; asks first" },
    { line: "holdfast invocations cancel mail --after 1h -y --json", help: "for scripts" },
  ],
  run: (context) =>
    act(
      {
        name: "cancel",
        past: "cancelled",
        unchanged: "is being cancelled already",
        appliesTo: ["scheduled", "queued", "running", "backing-off", "suspended", "paused"],
        request: {},
        perform: (invocations, id) => invocations.cancel(id),
      },
      context,
    ),
});
