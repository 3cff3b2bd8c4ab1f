import { defineCommand, type Command } from "../../command.ts";
import { act, actionOptions } from "../../invocations/act.ts";
import { ADDRESS_HELP } from "../../invocations/selection.ts";
import { readIndex } from "../../read-option.ts";

export const restart: Command = defineCommand({
  description:
    "Each becomes a new invocation with an id of its own; the old one stays as it is. With --from, the new one begins with " +
    "the journal up to that command, and what is recorded there does not run again.",
  args: [{ name: "invocation", help: ADDRESS_HELP, optional: true, many: true }],
  options: {
    from: { type: "string", value: "N", help: "keep the journal up to command N, as describe numbers them" },
    on: { type: "string", value: "DEPLOYMENT", help: "run on latest (default), keep, or a deployment's id" },
    ...actionOptions,
  },
  examples: [
    { line: "holdfast invocations restart inv_1bcDe", help: "once more, from the start" },
    {
      line: "holdfast invocations restart inv_1bcDe --from 3",
      help: "with the results of the first commands",
    },
    {
      line: "holdfast invocations restart mail --result failure --after 1d",
      help: "everything that failed today",
    },
  ],
  run: (context) => {
    const { on, from } = context.options;
    const fromCommand = readIndex(from, "--from");
    const request = {
      ...(on === undefined ? {} : { deployment: on }),
      ...(fromCommand === undefined ? {} : { fromCommand }),
    };
    return act(
      {
        name: "restart",
        past: "restarted",
        unchanged: "was restarted already",
        appliesTo: ["completed"],
        request,
        perform: (invocations, id) => invocations.restart(id, request),
      },
      context,
    );
  },
});
