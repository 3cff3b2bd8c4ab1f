import { usageError } from "../../cli-error.ts";
import { defineCommand, type Command } from "../../command.ts";
import { act, actionOptions } from "../../invocations/act.ts";
import { ADDRESS_HELP } from "../../invocations/selection.ts";
import { readDuration } from "../../read-option.ts";

export const reschedule: Command = defineCommand({
  description: "With neither --at nor --delay, they start now.",
  args: [{ name: "invocation", help: ADDRESS_HELP, optional: true, many: true }],
  options: {
    at: { type: "string", value: "TIME", help: "start then: 2026-11-24T06:00:00Z" },
    delay: { type: "string", value: "DURATION", help: "start so long from now: 90s, 3d" },
    ...actionOptions,
  },
  examples: [
    { line: "holdfast invocations reschedule inv_1bcDe --delay 3d", help: "three days from now" },
    { line: "holdfast invocations reschedule cleanup/remove", help: "now, instead of later; asks first" },
  ],
  run: (context) => {
    const delay = readDuration(context.options.delay, "--delay");
    const at = readInstant(context.options.at);
    if (delay !== undefined && at !== undefined) throw usageError("Give --at or --delay, not both");
    return act(
      {
        name: "reschedule",
        past: "rescheduled",
        unchanged: "had that time already",
        appliesTo: ["scheduled"],
        request: {
          ...(at === undefined ? {} : { at: at.toISOString() }),
          ...(delay === undefined ? {} : { delay }),
        },
        perform: (invocations, id) =>
          invocations.reschedule(id, {
            ...(at === undefined ? {} : { at }),
            ...(delay === undefined ? {} : { delay }),
          }),
      },
      context,
    );
  },
});

function readInstant(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw usageError(`--at "${text}" is not a time`, {
    hint: "Write 2026-11-24T06:00:00Z, or use --delay 3d.",
  });
}
