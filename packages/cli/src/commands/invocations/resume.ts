import { defineCommand, type Command } from "../../command.ts";
import { act, actionOptions } from "../../invocations/act.ts";
import { ADDRESS_HELP } from "../../invocations/selection.ts";

export const resume: Command = defineCommand({
  description:
    "One that is backing off retries now. By default it goes on with the deployment that began it; another one must do the " +
    "same up to where it is.",
  args: [{ name: "invocation", help: ADDRESS_HELP, optional: true, many: true }],
  options: {
    on: {
      type: "string",
      value: "DEPLOYMENT",
      help: "go on with keep (default), latest, or a deployment's id",
    },
    ...actionOptions,
  },
  examples: [
    { line: "holdfast invocations resume inv_1bcDe", help: "one, by the beginning of its id" },
    {
      line: "holdfast invocations resume mail --on latest -y",
      help: "a whole service, with the code that fixes it",
    },
    { line: "holdfast invocations resume --status backing-off --service mail", help: "retry now" },
  ],
  run: (context) => {
    const { on } = context.options;
    const request = on === undefined ? {} : { deployment: on };
    return act(
      {
        name: "resume",
        past: "resumed",
        unchanged: "is running already",
        appliesTo: ["paused"],
        request,
        perform: (invocations, id) => invocations.resume(id, request),
      },
      context,
    );
  },
});
