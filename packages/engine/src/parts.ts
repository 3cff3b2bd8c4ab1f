/** The decoders that the core is composed of, one at a time, for the fuzzer. Not for users: names here change with the insides. */
export { decodeInvocation, encodeInvocation } from "./codec/invocation-codec.ts";
export { decodeChunk, encodeChunk } from "./codec/journal-codec.ts";
export {
  decodeDeployment,
  decodeInbox,
  decodeMeta,
  decodeObject,
  decodeTimer,
  encodeDeployment,
  encodeInbox,
  encodeMeta,
  encodeObject,
  encodeTimer,
} from "./codec/row-codec.ts";
export type { Invocation, JournalEntry, ObjectRow } from "./tables/rows.ts";
