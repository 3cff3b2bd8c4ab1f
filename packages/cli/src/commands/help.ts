import { defineCommand, type Command } from "../command.ts";

export const help: Command = defineCommand({
  args: [
    {
      name: "command",
      help: "what to explain; without it, all commands are listed",
      optional: true,
      many: true,
    },
  ],
  options: {},
  examples: [
    { line: "holdfast help", help: "all commands" },
    { line: "holdfast help invocations cancel", help: "one command, with its options and examples" },
  ],
  run: ({ args, help: show }) => show(args),
});
