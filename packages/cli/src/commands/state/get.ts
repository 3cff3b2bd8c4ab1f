import { CliError } from "../../cli-error.ts";
import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { ExitCode } from "../../exit-code.ts";
import { OBJECT_HELP, objectAddress } from "../../object-address.ts";
import { shownLine, shownLines } from "../../output/shown-text.ts";
import { showEntries } from "../../state-view.ts";

export const get: Command = defineCommand({
  args: [
    { name: "object", help: OBJECT_HELP },
    { name: "name", help: "one entry, printed as JSON", optional: true },
  ],
  options: connectionOptions,
  examples: [
    { line: "holdfast state get counter/visits", help: "everything" },
    { line: "holdfast state get counter/visits count", help: "one entry; exit code 3 when it is not there" },
    {
      line: "holdfast state get counter/visits --json | jq .version",
      help: "the version, to change it safely",
    },
  ],
  async run({ args, options, out, environment }) {
    const { service, key } = objectAddress(args[0] ?? "");
    const state = await connectTo(options, environment).admin.state.get(service, key);
    const [, name] = args;
    if (name !== undefined) {
      if (!Object.hasOwn(state.entries, name)) throw noEntry(`${service}/${key}`, name, state.entries);
      const value = state.entries[name];
      out.result(value, () => out.print(shownLines(JSON.stringify(value, undefined, 2))));
      return;
    }
    out.result(state, () => {
      const { version, lockedBy, queued, entries } = state;
      const queue = queued > 0 ? `, ${queued} queued` : "";
      const lock = lockedBy === undefined ? "not locked" : `locked by ${lockedBy}${queue}`;
      out.print(`${out.paint("bold", shownLine(`${service}/${key}`))}  version ${version}, ${lock}`);
      if (Object.keys(entries).length === 0) out.note("There is no state.");
      else showEntries(entries, out);
    });
  },
});

function noEntry(address: string, name: string, entries: Readonly<Record<string, unknown>>): CliError {
  const names = Object.keys(entries);
  return new CliError("state-entry-not-found", `${address} has no state "${name}"`, {
    exitCode: ExitCode.notFound,
    meant: { word: name, candidates: names },
    hint: names.length === 0 ? "It has no state at all." : `It has: ${names.join(", ")}.`,
  });
}
