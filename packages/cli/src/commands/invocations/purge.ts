import { defineCommand, type Command } from "../../command.ts";
import { act, actionOptions } from "../../invocations/act.ts";
import { ADDRESS_HELP } from "../../invocations/selection.ts";

export const purge: Command = defineCommand({
  description:
    "Its result, its idempotency key and its journal are gone: the same key starts a new invocation afterwards. Retention " +
    "does this by itself in time.",
  args: [{ name: "invocation", help: ADDRESS_HELP, optional: true, many: true }],
  options: {
    "journal-only": { type: "boolean", help: "keep the result, and forget only how it came about" },
    ...actionOptions,
  },
  examples: [
    { line: "holdfast invocations purge inv_1bcDe", help: "one, by the beginning of its id" },
    { line: "holdfast invocations purge mail --before 2h -y", help: "a service's older ones" },
    { line: "holdfast invocations purge mail --journal-only -y", help: "make room, keep the results" },
  ],
  run: (context) => {
    const request = context.options["journal-only"] ? { journalOnly: true } : {};
    return act(
      {
        name: "purge",
        past: "purged",
        unchanged: "had nothing to purge",
        appliesTo: ["completed"],
        request,
        perform: (invocations, id) => invocations.purge(id, request),
      },
      context,
    );
  },
});
