/** What reads the command line, one part at a time, for the fuzzer. Not for users: names here change with the insides. */
export { callTarget } from "./calling/call-target.ts";
export { CliError } from "./cli-error.ts";
export { commandTable } from "./command-table.ts";
export { findCommand } from "./find-command.ts";
export { filterOf, filterOptions } from "./invocations/filter-options.ts";
export { parseJson, readValue } from "./json-input.ts";
export { objectAddress } from "./object-address.ts";
export { parseOptions } from "./parse-options.ts";
export { readCount, readDuration, readHeaders, readIndex, readPairs, readPort } from "./read-option.ts";
