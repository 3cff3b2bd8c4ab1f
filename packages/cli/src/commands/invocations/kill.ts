import { defineCommand, type Command } from "../../command.ts";
import { act, actionOptions } from "../../invocations/act.ts";
import { ADDRESS_HELP } from "../../invocations/selection.ts";

export const kill: Command = defineCommand({
  description:
    "The handler is not asked and its undo steps do not run: use it for what does not react to cancel. What it has called " +
    "and waits for is killed as well; what it has sent goes on.",
  args: [{ name: "invocation", help: ADDRESS_HELP, optional: true, many: true }],
  options: actionOptions,
  examples: [
    { line: "holdfast invocations kill inv_1bcDe", help: "one, by the beginning of its id" },
    { line: "holdfast invocations kill mail/send --status backing-off --dry-run", help: "look first" },
    { line: "holdfast invocations kill --deployment dp_1cPQ -y", help: "everything bound to a deployment" },
  ],
  run: (context) =>
    act(
      {
        name: "kill",
        past: "killed",
        unchanged: "has ended already",
        appliesTo: ["scheduled", "queued", "running", "backing-off", "suspended", "paused"],
        request: {},
        perform: (invocations, id) => invocations.kill(id),
      },
      context,
    ),
});
