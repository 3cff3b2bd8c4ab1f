import { usageError } from "../../cli-error.ts";
import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { JSON_HELP, readJson } from "../../json-input.ts";
import { OBJECT_HELP, objectAddress } from "../../object-address.ts";
import { expectedVersion, reportChange, versionOption } from "../../state-change.ts";

export const patch: Command = defineCommand({
  description:
    "Sets the entries of a JSON object, leaves the others as they are, and removes those that --remove names.",
  args: [
    { name: "object", help: OBJECT_HELP },
    { name: "entries", help: `a JSON object: ${JSON_HELP}`, optional: true },
  ],
  options: {
    remove: { type: "string", value: "NAME", multiple: true, help: "remove this entry" },
    replace: { type: "boolean", help: "remove all entries that the object does not hold" },
    ...versionOption,
    ...connectionOptions,
  },
  examples: [
    { line: `holdfast state patch counter/visits '{"count":0}' --remove draft`, help: "set one, remove one" },
    { line: "holdfast state patch counter/visits @backup.json --replace", help: "back to what a file holds" },
  ],
  async run({ args, options, out, environment }) {
    const address = objectAddress(args[0] ?? "");
    const entries = await readEntries(args[1], environment);
    if (options.replace && options.remove.length > 0) {
      throw usageError("--replace removes everything else already; leave --remove out");
    }
    const { state } = connectTo(options, environment).admin;
    const version = expectedVersion(options["expect-version"]);
    const response = options.replace
      ? await state.replace(address.service, address.key, { entries: entries ?? {}, ...version })
      : await state.patch(address.service, address.key, {
          ...(entries === undefined ? {} : { entries }),
          ...(options.remove.length === 0 ? {} : { remove: options.remove }),
          ...version,
        });
    return reportChange(address, response, out);
  },
});

async function readEntries(
  given: string | undefined,
  environment: Parameters<typeof readJson>[2],
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const entries = await readJson(given, "entries", environment);
  if (entries === undefined) return undefined;
  if (typeof entries === "object" && entries !== null && !Array.isArray(entries))
    return entries as Readonly<Record<string, unknown>>;
  throw usageError("The entries are not a JSON object", { hint: `Write {"name": value, …}.` });
}
