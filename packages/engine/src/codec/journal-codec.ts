/**
 * Encoding of journals, a chunk at a time. Format history: 1 first version. 2 where an entry comes from is one byte, as a
 * rule: in a journal of steps the names of deployments and causes were a third of all bytes.
 */
import type { JournalEntry } from "../tables/rows.ts";
import { BinaryReader, BinaryWriter, DecodeError } from "./binary.ts";
import { checkVersion } from "./row-version.ts";

const CHUNK_FORMAT_VERSION = 2;

/** What most causes are; any other is written out. Codes on disk. Append only. */
const CAUSES: readonly string[] = ["", "handler", "timer", "ingress", "admin"];
/** Low bits of an entry's origin: no deployment, the one named last, one that is named here. */
const NO_DEPLOYMENT = 0;
const SAME_DEPLOYMENT = 1;
const NEW_DEPLOYMENT = 2;
const DEPLOYMENT_BITS = 2;
/** Above them: the code of the cause plus one, or zero and it follows. */
const CAUSE_FOLLOWS = 0;

const writer = new BinaryWriter();

/** Key of the chunk whose first entry has this index. Sorts by index. */
export function chunkKey(invocationId: string, firstIndex: number): string {
  return `${invocationId}/${String(firstIndex).padStart(9, "0")}`;
}

export function encodeChunk(entries: readonly JournalEntry[]): Uint8Array {
  // Whatever a write that failed may have left.
  writer.truncate(0);
  writer.byte(CHUNK_FORMAT_VERSION);
  writer.uint(entries.length);
  let lastAt = 0;
  let named = "";
  for (const { type, at, attempt, deployment, cause, body } of entries) {
    writer.uint(type);
    writer.uint(at - lastAt);
    writer.uint(attempt);
    const place = deployment === "" ? NO_DEPLOYMENT : deployment === named ? SAME_DEPLOYMENT : NEW_DEPLOYMENT;
    const code = CAUSES.indexOf(cause) + 1;
    writer.byte(place | (code << DEPLOYMENT_BITS));
    if (place === NEW_DEPLOYMENT) writer.string((named = deployment));
    if (code === CAUSE_FOLLOWS) writer.string(cause);
    writer.bytes(body);
    lastAt = at;
  }
  return writer.takeShared();
}

export function decodeChunk(value: Uint8Array): JournalEntry[] {
  const reader = new BinaryReader(value);
  const version = checkVersion(reader, CHUNK_FORMAT_VERSION, "A journal chunk");
  const readOrigin = version === 1 ? originReader1(reader) : originReader(reader);
  const count = reader.uint();
  const entries: JournalEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const type = reader.uint();
    at += reader.uint();
    const attempt = reader.uint();
    const { deployment, cause } = readOrigin();
    entries.push({ type, at, attempt, deployment, cause, body: reader.bytes() });
  }
  return entries;
}

type Origin = Pick<JournalEntry, "deployment" | "cause">;

function originReader(reader: BinaryReader): () => Origin {
  let named = "";
  return () => {
    const origin = reader.byte();
    const place = origin & ((1 << DEPLOYMENT_BITS) - 1);
    const code = origin >> DEPLOYMENT_BITS;
    if (place > NEW_DEPLOYMENT || code > CAUSES.length)
      throw new DecodeError(`Not the origin of a journal entry: ${origin}`);
    if (place === NEW_DEPLOYMENT) named = reader.string();
    const cause = code === CAUSE_FOLLOWS ? reader.string() : (CAUSES[code - 1] ?? "");
    return { deployment: place === NO_DEPLOYMENT ? "" : named, cause };
  };
}

function originReader1(reader: BinaryReader): () => Origin {
  let deployment = "";
  return () => {
    if (!reader.bool()) deployment = reader.string();
    return { deployment, cause: reader.string() };
  };
}
