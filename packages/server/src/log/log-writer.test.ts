import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";

import { FaultDisk, seededRandom } from "./fault-disk.ts";
import { packGroup } from "./frame-group.ts";
import { readBatches } from "./log-reader.ts";
import { LogWriter } from "./log-writer.ts";
import { batchOf, sequence } from "./log.contract.ts";
import { LogFailedError, type LogBatch } from "./log.ts";
import type { LogWriterOptions } from "./open-log-directory.ts";
import { surveyLog } from "./recover.ts";
import { decodeSegmentHeader, parseSegmentFileName, type SegmentHeader } from "./segment.ts";

const DIRECTORY = "/log";

function newLab(seed = 1, segmentBytes = 8192): { disk: FaultDisk; options: LogWriterOptions } {
  const random = seededRandom(seed);
  const disk = new FaultDisk({ random });
  const nonce = (): Uint8Array => Uint8Array.from({ length: 8 }, () => Math.floor(random() * 256));
  return {
    disk,
    options: { disk, directory: DIRECTORY, segmentBytes, minimumTail: undefined, crc32, nonce },
  };
}

function append(writer: LogWriter, ...sizes: number[]): string {
  return writer.append(packGroup(sizes.map((size, index) => batchOf(writer.tail + 1 + index, size))));
}

function readLog(disk: FaultDisk, writer: LogWriter): LogBatch[] {
  const from = writer.segments[0]?.firstPosition ?? 1;
  const { segments, tail: to } = writer;
  return [...readBatches({ disk, directory: DIRECTORY, crc32, segments, from, to, head: () => from })];
}

/** Headers of the segment files, in the order in which they were made. */
function headersOf(disk: FaultDisk): SegmentHeader[] {
  return surveyLog(disk, DIRECTORY, crc32).segments.map(({ fileName }) => {
    const result = decodeSegmentHeader(disk.contents(`${DIRECTORY}/${fileName}`), crc32);
    assert.ok(result.kind === "header");
    return result.header;
  });
}

describe("the log writer", () => {
  it("stores a group with one write and one sync, however many batches it has", () => {
    const { disk, options } = newLab();
    const writer = LogWriter.open(options);
    const [writes, syncs] = [disk.writes, disk.syncs];
    append(writer, 10, 20, 900, 0, 30);
    assert.equal(disk.writes - writes, 1);
    assert.equal(disk.syncs - syncs, 1);
  });

  it("finishes a write that the disk takes in pieces", () => {
    const { disk, options } = newLab();
    disk.writeBytesMax = 100;
    const writer = LogWriter.open(options);
    append(writer, 10, 2000);
    append(writer, 3000);
    disk.cutPower({ survival: 0 });
    const reopened = LogWriter.open(options);
    assert.deepEqual(readLog(disk, reopened), [batchOf(1, 10), batchOf(2, 2000), batchOf(3, 3000)]);
  });

  it("what it acknowledged survives a power cut in which nothing unsynced survives", () => {
    const { disk, options } = newLab();
    let acknowledged = 0;
    for (let round = 0; round < 20; round++) {
      const writer = LogWriter.open(options);
      assert.equal(writer.tail, acknowledged);
      append(writer, 100 * round, 50);
      append(writer, 4000);
      acknowledged = writer.tail;
      disk.cutPower({ survival: 0 });
    }
    assert.equal(readLog(disk, LogWriter.open(options)).length, acknowledged);
  });

  it("begins a new epoch with every start, durably, and binds it into the segments", () => {
    const { disk, options } = newLab();
    for (const epoch of sequence(1, 5)) {
      assert.equal(LogWriter.open(options).epoch, epoch);
      disk.cutPower({ survival: 0 });
    }
    const writer = LogWriter.open(options);
    append(writer, 5000);
    append(writer, 5000);
    assert.deepEqual(new Set(headersOf(disk).map(({ epoch }) => epoch)), new Set([6]));
  });

  it("writes batches that nothing vouches for again, under a new nonce, before it is open", () => {
    const { disk, options } = newLab();
    const writer = LogWriter.open(options);
    append(writer, 10);
    append(writer, 20, 30);
    const [before] = headersOf(disk);
    disk.killProcess();

    const reopened = LogWriter.open(options);
    assert.equal(reopened.report.rewrittenBatches, 2);
    const [, after] = headersOf(disk);
    assert.equal(after?.firstPosition, 2);
    assert.equal(after?.durable, 3);
    assert.notDeepEqual(after?.nonce, before?.nonce);
    // Not one byte of theirs depends on the old file any more.
    disk.cutPower({ survival: 0 });
    const old = `${DIRECTORY}/${disk.list(DIRECTORY).toSorted()[0] ?? ""}`;
    for (let offset = 1024; offset < disk.contents(old).length; offset += 7) disk.corrupt(old, offset, 0xff);
    assert.deepEqual(readLog(disk, LogWriter.open(options)), [
      batchOf(1, 10),
      batchOf(2, 20),
      batchOf(3, 30),
    ]);
  });

  it("does not believe bytes that a failed sync left in the page cache", () => {
    const { disk, options } = newLab();
    const writer = LogWriter.open(options);
    append(writer, 10);
    disk.failSync(1);
    assert.throws(() => append(writer, 20), LogFailedError);
    disk.killProcess();

    // The next process sees the batch, though it is not on the disk, and syncing the old file again would be a lie.
    const reopened = LogWriter.open(options);
    assert.equal(reopened.tail, 2);
    disk.cutPower({ survival: 0 });
    assert.deepEqual(readLog(disk, LogWriter.open(options)), [batchOf(1, 10), batchOf(2, 20)]);
  });

  it("rewrites nothing when a seal or the checkpoint vouches for the tail", () => {
    const { disk, options } = newLab();
    const writer = LogWriter.open(options);
    append(writer, 10, 20);
    writer.seal();
    disk.killProcess();
    const sealed = LogWriter.open(options);
    assert.equal(sealed.report.rewrittenBatches, 0);
    append(sealed, 30);
    disk.killProcess();
    assert.equal(LogWriter.open({ ...options, minimumTail: 3 }).report.rewrittenBatches, 0);
  });

  it("seals the last batch once, and not again until there is another", () => {
    const { disk, options } = newLab();
    const writer = LogWriter.open(options);
    writer.seal();
    const before = disk.writes;
    append(writer, 10);
    writer.seal();
    writer.seal();
    assert.equal(disk.writes - before, 2);
    append(writer, 10);
    writer.seal();
    assert.equal(disk.writes - before, 4);
    assert.deepEqual(readLog(disk, writer), [batchOf(1, 10), batchOf(2, 10)]);
  });

  it("always has room for a seal behind the last frame of a segment", () => {
    const { options } = newLab(1, 1536);
    const writer = LogWriter.open(options);
    for (const size of [444, 1, 444, 2000, 0]) {
      append(writer, size);
      writer.seal();
    }
    assert.equal(writer.tail, 5);
  });

  it("gives a batch that is larger than a segment one of its own size", () => {
    const { disk, options } = newLab(1, 4096);
    const writer = LogWriter.open(options);
    append(writer, 10);
    append(writer, 100_000);
    append(writer, 10);
    assert.deepEqual(readLog(disk, writer), [batchOf(1, 10), batchOf(2, 100_000), batchOf(3, 10)]);
    assert.deepEqual(
      headersOf(disk).map(({ capacity }) => capacity),
      [4096, 512 + 100_352 + 512, 4096],
    );
  });

  it("names files by their first position", () => {
    const { disk, options } = newLab(1, 2048);
    const writer = LogWriter.open(options);
    for (const size of [400, 400, 400, 400, 400]) append(writer, size);
    const names = disk.list(DIRECTORY).toSorted();
    assert.deepEqual(
      names.map((name) => parseSegmentFileName(name)?.firstPosition),
      [1, 3, 5],
    );
  });

  it("fills the next segment with zeros ahead, at the pace of the active one, and then rolls without writing zeros", () => {
    const { disk, options } = newLab(1, 4 * 1024 * 1024);
    const writer = LogWriter.open(options);
    const filled = (): number => disk.usedBytes() - 1024 * 1024;
    const steps: number[] = [];
    for (let count = 1; count <= 9; count++) {
      append(writer, 104_000);
      while (writer.prepare());
      steps.push(filled() / 1024 / 1024);
    }
    assert.deepEqual(steps, [0, 0, 0, 1, 1, 2, 3, 3, 4]);

    const [writes, syncs] = [disk.writes, disk.syncs];
    append(writer, 200_000);
    // Header, frames; the header's sync, the frames' sync.
    assert.deepEqual([disk.writes - writes, disk.syncs - syncs], [2, 2]);
    assert.equal(headersOf(disk).at(-1)?.capacity, 4 * 1024 * 1024);
  });

  it("of which an idle log does nothing", () => {
    const { disk, options } = newLab(1, 64 * 1024 * 1024);
    const writer = LogWriter.open(options);
    append(writer, 1000);
    const { operations } = disk;
    assert.equal(writer.prepare(), false);
    assert.equal(disk.operations, operations);
  });

  it("starts with a small segment, so that restarting in a loop does not fill the disk", () => {
    const { disk, options } = newLab(1, 64 * 1024 * 1024);
    for (let round = 0; round < 10; round++) {
      LogWriter.open(options);
      disk.killProcess();
    }
    assert.ok(disk.usedBytes() <= 1024 * 1024);
  });

  it("removes segments only behind the trim point, the oldest first, each removal durable before the next", () => {
    const { disk, options } = newLab(1, 2048);
    const writer = LogWriter.open(options);
    for (const position of sequence(1, 20)) append(writer, 300 + position);
    writer.trim(6);
    assert.equal(writer.segments[0]?.firstPosition, 7);

    for (let stop = 1; stop <= 8; stop++) {
      const copy = disk.clone();
      const other = LogWriter.open({ ...options, disk: copy });
      copy.stopAfter(stop);
      try {
        other.trim(18);
      } catch {
        // The machine stopped on the way.
      }
      copy.cutPower({ survival: 0.5 });
      const reopened = LogWriter.open({ ...options, disk: copy, minimumTail: 18 });
      assert.equal(reopened.tail, 20);
      assert.ok((reopened.segments[0]?.firstPosition ?? 0) <= 19);
    }
  });

  it("refuses a group that is not the next one", () => {
    const writer = LogWriter.open(newLab().options);
    assert.throws(() => writer.append(packGroup([batchOf(2, 10)])), /the next one is 1/);
    assert.equal(append(writer, 10), "ok");
  });
});

describe("the log writer on a full disk", () => {
  it("stores nothing of a group when a write is cut short, also not its complete first frames", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { disk, options } = newLab(seed, 65_536);
      const writer = LogWriter.open(options);
      append(writer, 10);
      disk.fillAtWrite(1);
      assert.equal(append(writer, 100, 100, 100, 5000), "full");
      assert.equal(writer.tail, 1);
      disk.cutPower();
      assert.equal(LogWriter.open(options).tail, 1, `seed ${seed}`);
    }
  });

  it("takes the same group once there is space, over the remains of the first try", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { disk, options } = newLab(seed, 65_536);
      const writer = LogWriter.open(options);
      append(writer, 10);
      disk.fillAtWrite(1);
      assert.equal(append(writer, 3000, 100), "full");
      assert.equal(append(writer, 20), "ok");
      disk.cutPower({ survival: 0 });
      const reopened = LogWriter.open(options);
      assert.deepEqual(readLog(disk, reopened), [batchOf(1, 10), batchOf(2, 20)]);
    }
  });

  it("ends full when there is no room for the next segment, leaves what is left to others, and goes on later", () => {
    const { disk, options } = newLab(1, 8192);
    const writer = LogWriter.open(options);
    while (disk.usedBytes() < 3 * 8192) append(writer, 1000);
    disk.setCapacity(disk.usedBytes() + 3000);
    let outcome = "ok";
    while (outcome === "ok") outcome = append(writer, 1000);
    assert.equal(outcome, "full");
    assert.equal(append(writer, 1000), "full");
    assert.ok(disk.list(DIRECTORY).every((name) => name.endsWith(".segment")));
    // What a checkpoint allows to be trimmed makes room.
    const full = writer.tail;
    writer.trim(full);
    assert.equal(append(writer, 1000), "ok");
    assert.equal(writer.tail, full + 1);
  });

  it("is full when no descriptor is free for the next segment, and goes on when one is", () => {
    const { disk, options } = newLab(1, 8192);
    const writer = LogWriter.open(options);
    append(writer, 1000);
    disk.failOpen(1);
    let outcome = "ok";
    while (outcome === "ok") outcome = append(writer, 1000);
    const full = writer.tail;
    assert.equal(append(writer, 1000), "ok");
    disk.cutPower({ survival: 0 });
    assert.equal(LogWriter.open(options).tail, full + 1);
  });

  it("uses the last bit of space for a smaller segment", () => {
    const { disk, options } = newLab(1, 65_536);
    const writer = LogWriter.open(options);
    append(writer, 60_000);
    disk.setCapacity(disk.usedBytes() + 5000);
    assert.equal(append(writer, 3000), "ok");
    disk.cutPower({ survival: 0 });
    assert.equal(LogWriter.open(options).tail, 2);
  });

  it("can be opened, to checkpoint and trim", () => {
    const { disk, options } = newLab(1, 65_536);
    const writer = LogWriter.open(options);
    append(writer, 20);
    append(writer, 30);
    disk.killProcess();
    disk.setCapacity(disk.usedBytes() + 2048);
    assert.equal(LogWriter.open(options).tail, 2);
    disk.killProcess();
    disk.setCapacity(disk.usedBytes());
    assert.throws(() => LogWriter.open(options), /the disk is full. At least \d+ bytes must be free/);
    assert.ok(disk.list(DIRECTORY).every((name) => name.endsWith(".segment")));
  });

  it("gives up filling ahead without failing, and gives the space back", () => {
    const { disk, options } = newLab(1, 4 * 1024 * 1024);
    const writer = LogWriter.open(options);
    append(writer, 900_000);
    disk.setCapacity(disk.usedBytes() + 1_000_000);
    while (writer.prepare());
    assert.equal(disk.list(DIRECTORY).length, 1);
    const before = disk.operations;
    assert.equal(writer.prepare(), false);
    assert.equal(disk.operations, before);
    assert.equal(append(writer, 1000), "ok");
  });
});

describe("a failed log writer", () => {
  it("is finished after a failed sync, whichever one fails, and acknowledges nothing more", () => {
    for (let count = 1; ; count++) {
      const { disk, options } = newLab(1, 2048);
      const writer = LogWriter.open(options);
      const before = disk.syncs;
      disk.failSync(count);
      let acknowledged = 0;
      let failed = false;
      try {
        for (const size of [100, 200, 300, 400, 100]) {
          assert.equal(append(writer, size), "ok");
          acknowledged = writer.tail;
        }
        writer.seal();
      } catch (error) {
        failed = true;
        assert.ok(error instanceof LogFailedError);
        assert.match(error.message, /EIO/);
      }
      if (!failed) {
        assert.ok(disk.syncs - before < count && count > 5);
        return;
      }
      for (const step of [
        () => append(writer, 1),
        () => writer.seal(),
        () => writer.trim(1),
        () => writer.prepare(),
      ]) {
        assert.throws(step, LogFailedError);
      }
      assert.equal(writer.tail, acknowledged);
      disk.cutPower({ survival: 0 });
      assert.ok(LogWriter.open(options).tail >= acknowledged);
    }
  });
});
