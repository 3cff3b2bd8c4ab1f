import { usageError } from "../../cli-error.ts";
import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { parseJson } from "../../json-input.ts";
import { OBJECT_HELP, objectAddress } from "../../object-address.ts";
import { expectedVersion, reportChange, versionOption } from "../../state-change.ts";

export const set: Command = defineCommand({
  description:
    "Handlers see the change from their next attempt on. While one runs, it is applied behind what it writes.",
  args: [
    { name: "object", help: OBJECT_HELP },
    { name: "name=json", help: "entries; a text is written with its quotes", many: true },
  ],
  options: { ...versionOption, ...connectionOptions },
  examples: [
    { line: "holdfast state set counter/visits count=0", help: "a number" },
    { line: `holdfast state set profile/ada 'name="Ada"' tags='["vip"]'`, help: "a text and a list" },
    {
      line: "holdfast state set counter/visits count=0 --expect-version 7",
      help: "only if nobody was faster",
    },
  ],
  async run({ args, options, out, environment }) {
    const [object = "", ...pairs] = args;
    const address = objectAddress(object);
    const { state } = connectTo(options, environment).admin;
    const response = await state.patch(address.service, address.key, {
      entries: entriesOf(pairs),
      ...expectedVersion(options["expect-version"]),
    });
    return reportChange(address, response, out);
  },
});

function entriesOf(pairs: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) {
        throw usageError(`"${pair}" is not of the form name=json`, {
          hint: "Write count=0 or 'name=\"Ada\"'.",
        });
      }
      const name = pair.slice(0, at);
      return [name, parseJson(pair.slice(at + 1), `value of ${name}`)];
    }),
  );
}
