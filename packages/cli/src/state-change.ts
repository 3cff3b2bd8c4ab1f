/** What the commands that change state have in common. */
import type { StateChangeRequest, StateChangeResponse } from "@holdfast/protocol";

import type { OptionSpecs } from "./command.ts";
import { ExitCode } from "./exit-code.ts";
import type { ObjectAddress } from "./object-address.ts";
import type { Output } from "./output/output.ts";
import { shownLine } from "./output/shown-text.ts";
import { readIndex } from "./read-option.ts";

export const versionOption = {
  "expect-version": {
    type: "string",
    value: "N",
    help: "refuse (exit code 4) when the state has another version than get showed",
  },
} as const satisfies OptionSpecs;

export function expectedVersion(text: string | undefined): Pick<StateChangeRequest, "expectedVersion"> {
  const version = readIndex(text, "--expect-version");
  return version === undefined ? {} : { expectedVersion: version };
}

export function reportChange(address: ObjectAddress, response: StateChangeResponse, out: Output): ExitCode {
  const { service, key } = address;
  out.result({ service, key, ...response }, () =>
    out.print(`${shownLine(`${service}/${key}`)} is now at version ${response.version}`),
  );
  return ExitCode.ok;
}
