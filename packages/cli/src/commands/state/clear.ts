import { confirmOption, connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { ExitCode } from "../../exit-code.ts";
import { OBJECT_HELP, objectAddress } from "../../object-address.ts";
import { expectedVersion, reportChange, versionOption } from "../../state-change.ts";

export const clear: Command = defineCommand({
  args: [
    { name: "object", help: OBJECT_HELP },
    {
      name: "name",
      help: "entries to remove; without any, all of them, and it asks first",
      optional: true,
      many: true,
    },
  ],
  options: { ...versionOption, ...confirmOption, ...connectionOptions },
  examples: [
    { line: "holdfast state clear counter/visits draft", help: "one entry" },
    { line: "holdfast state clear counter/visits -y", help: "everything" },
  ],
  async run({ args, options, out, environment }) {
    const [object = "", ...names] = args;
    const address = objectAddress(object);
    const { service, key } = address;
    const { state } = connectTo(options, environment).admin;
    const version = expectedVersion(options["expect-version"]);
    if (names.length > 0)
      return reportChange(address, await state.patch(service, key, { remove: names, ...version }), out);
    if (!options.yes) {
      const { entries } = await state.get(service, key);
      const count = Object.keys(entries).length;
      if (!(await out.confirm(`Remove all ${count} entries of ${object}?`))) return ExitCode.failed;
    }
    return reportChange(address, await state.clear(service, key, version), out);
  },
});
