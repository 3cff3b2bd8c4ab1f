/** Seeded bugs of the log and of its checkpoints. */
import type { Mutant } from "./mutant.ts";

const LOG = "packages/server/src/log/";
const WRITER = `${LOG}log-writer.ts`;
const OPEN = `${LOG}open-log-directory.ts`;
const RECOVER = `${LOG}recover.ts`;
const CHECKPOINTER = "packages/server/src/partition/checkpointer.ts";
const TABLE = "packages/engine/src/tables/table.ts";
const TABLES = "packages/engine/src/tables/tables.ts";

const SYNC_OF_APPEND = `this.#run("sync", () => active.file.datasync());
    active.offset += length;`;
const COMMIT =
  "if (!(await this.#commit(tables.frozenWrites() as readonly RowWrite[], position))) return false;";

export const logMutants: readonly Mutant[] = [
  {
    name: "ack-before-durable",
    breaks: "An append is answered when it is written, and synced only with the next.",
    file: WRITER,
    find: SYNC_OF_APPEND,
    replace: "active.offset += length;",
  },
  {
    name: "failed-sync-repeated",
    breaks: "A sync that failed is tried again, and taken for done when the second try succeeds.",
    file: WRITER,
    find: SYNC_OF_APPEND,
    replace: `try { active.file.datasync(); } catch { this.#run("sync", () => active.file.datasync()); }
    active.offset += length;`,
  },
  {
    name: "segment-name-not-durable",
    breaks: "A new segment is written to before its name is durable.",
    file: WRITER,
    find: 'this.#run("roll", () => disk.syncDirectory(directory));',
    replace: "",
  },
  {
    name: "opening-name-not-durable",
    breaks: "A log that was opened is written to before the name of its new segment is durable.",
    file: OPEN,
    find: `disk.syncDirectory(directory);

  const active = {`,
    replace: "const active = {",
  },
  {
    name: "trim-one-position-too-far",
    breaks: "Trimming removes a segment that holds a batch behind the checkpoint.",
    file: WRITER,
    find: "next.firstPosition > upTo + 1",
    replace: "next.firstPosition > upTo + 2",
  },
  {
    name: "epoch-not-raised",
    breaks: "A log that is opened again goes on in the epoch of the process before.",
    file: OPEN,
    find: "const epoch = recovery.epoch + 1;",
    replace: "const epoch = Math.max(1, recovery.epoch);",
  },
  {
    name: "unproven-batches-trusted",
    breaks: "What recovery can read counts as durable, also when nothing proves it: it is not written again.",
    file: RECOVER,
    find: "const durable = Math.max(last.header.durable, last.scan.durable, minimumTail ?? 0);",
    replace: "const durable = tail;",
  },
  {
    name: "payload-checksum-ignored",
    breaks: "A frame is accepted when its header is intact, whatever its payload is.",
    file: `${LOG}frame.ts`,
    find: 'if (crc32(bytes.subarray(offset, end)) !== checksum) return { kind: "torn" };',
    replace: "",
  },
  {
    name: "damage-taken-for-torn-tail",
    breaks:
      "A batch that cannot be read ends the log, although a frame behind it says that it had been durable.",
    file: RECOVER,
    find: "if (laterFrame !== undefined && laterFrame.durable > lastPosition) {",
    replace: "if (laterFrame !== undefined && laterFrame.durable > lastPosition + 1_000) {",
  },
  {
    name: "trim-before-commit",
    breaks: "The log is trimmed up to a checkpoint that the store does not have yet.",
    file: CHECKPOINTER,
    find: COMMIT,
    replace: `await this.#trim(position);
    ${COMMIT}`,
  },
  {
    name: "checkpoint-position-too-high",
    breaks: "A checkpoint says that it reflects one batch more than it does.",
    file: CHECKPOINTER,
    find: COMMIT,
    replace: COMMIT.replace("position)))", "position + 1)))"),
  },
  {
    name: "checkpoint-before-durable",
    breaks: "The store commits a position that the log does not hold durably yet.",
    file: CHECKPOINTER,
    find: "if (!(await whenDurable(position))) return false;",
    replace: "",
  },
  {
    name: "failed-commit-taken-for-done",
    breaks: "A commit that failed is reported and not tried again, and the log is trimmed all the same.",
    file: CHECKPOINTER,
    find: "this.#deps.onCommitFailed(error);",
    replace: "this.#deps.onCommitFailed(error);\n        return true;",
  },
  {
    name: "changed-row-let-go",
    breaks: "A row that changed while the checkpoint was being taken is dropped from memory with the rest.",
    file: TABLE,
    find: "if (slot.generation !== 0) continue;\n      if (slot.row !== undefined && isPinned",
    replace: "if (slot.row !== undefined && isPinned",
  },
  {
    name: "journal-entries-lost-at-checkpoint",
    breaks: "Entries that came while a checkpoint stored those before them are forgotten with them.",
    file: TABLES,
    find: "row.tail.splice(0, row.storing);",
    replace: "row.tail = [];",
  },
  {
    name: "column-not-stored",
    breaks: "A column of the invocation's row is not read back from the checkpoint.",
    file: "packages/engine/src/codec/invocation-codec.ts",
    find: "lostAttempts: reader.uint(),",
    replace: "lostAttempts: reader.uint() * 0,",
  },
];
