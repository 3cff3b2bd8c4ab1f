import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";

import { FaultDisk, seededRandom } from "./fault-disk.ts";
import { packGroup } from "./frame-group.ts";
import { encodeFrame, FRAME_VERSION } from "./frame.ts";
import { readBatches } from "./log-reader.ts";
import { LogWriter } from "./log-writer.ts";
import { batchOf, sequence } from "./log.contract.ts";
import { LogCorruptError, LogVersionError, type LogBatch, type LogCorruptionReport } from "./log.ts";
import type { LogWriterOptions } from "./open-log-directory.ts";
import { recoverLog, surveyLog, type Recovery } from "./recover.ts";
import { SEGMENT_VERSION } from "./segment.ts";

const DIRECTORY = "/log";
const SEGMENT_BYTES = 2560;

type Lab = { readonly disk: FaultDisk; readonly options: LogWriterOptions };

function newLab(seed: number): Lab {
  const random = seededRandom(seed);
  const disk = new FaultDisk({ random });
  const nonce = (): Uint8Array => Uint8Array.from({ length: 8 }, () => Math.floor(random() * 256));
  const options = {
    disk,
    directory: DIRECTORY,
    segmentBytes: SEGMENT_BYTES,
    minimumTail: undefined,
    crc32,
    nonce,
  };
  return { disk, options };
}

function appendTo(writer: LogWriter, ...sizes: number[]): void {
  const batches = sizes.map((size, index) => batchOf(writer.tail + 1 + index, size));
  assert.equal(writer.append(packGroup(batches)), "ok");
}

function recover(disk: FaultDisk, minimumTail?: number): Recovery {
  return recoverLog(surveyLog(disk, DIRECTORY, crc32), DIRECTORY, minimumTail);
}

function readRecovered(disk: FaultDisk, recovery: Recovery): LogBatch[] {
  const segments = recovery.segments.map(({ fileName, header }) => ({
    fileName,
    firstPosition: header.firstPosition,
  }));
  const from = segments[0]?.firstPosition ?? 1;
  const to = recovery.tail;
  return [...readBatches({ disk, directory: DIRECTORY, crc32, segments, from, to, head: () => from })];
}

/** Two epochs, segments of several sizes, seals, and a last batch that no witness vouches for. */
function writeSample(): { disk: FaultDisk; sizes: Map<number, number>; proven: number } {
  const { disk, options } = newLab(3);
  const sizes = new Map<number, number>();
  const append = (writer: LogWriter, ...group: number[]): void => {
    for (const [index, size] of group.entries()) sizes.set(writer.tail + 1 + index, size);
    appendTo(writer, ...group);
  };
  const first = LogWriter.open(options);
  append(first, 10, 444);
  first.seal();
  append(first, 300, 0);
  append(first, 600);
  disk.killProcess();
  const second = LogWriter.open(options);
  append(second, 100);
  append(second, 1300);
  append(second, 50);
  append(second, 70);
  second.seal();
  const proven = second.tail;
  append(second, 80);
  return { disk, sizes, proven };
}

describe("recovery", () => {
  it("takes any single damaged byte for a shorter log or stops, and never loses what a witness vouches for", () => {
    const { disk, sizes, proven } = writeSample();
    const outcomes = { whole: 0, shorter: 0, stopped: 0 };
    for (const fileName of disk.list(DIRECTORY)) {
      const path = `${DIRECTORY}/${fileName}`;
      const length = disk.contents(path).length;
      for (let offset = 0; offset < length; offset++) {
        disk.corrupt(path, offset, 1 << (offset % 8));
        outcomes[checkDamaged(disk, sizes, proven, `${fileName} byte ${offset}`)] += 1;
        disk.corrupt(path, offset, 1 << (offset % 8));
      }
    }
    // Each of them happened, or the test has shown nothing.
    assert.ok(outcomes.whole > 100, JSON.stringify(outcomes));
    assert.ok(outcomes.shorter > 100, JSON.stringify(outcomes));
    assert.ok(outcomes.stopped > 1000, JSON.stringify(outcomes));
  });

  it("takes any damaged sector, any cut and any missing file the same way", () => {
    const { disk, sizes, proven } = writeSample();
    const random = seededRandom(1);
    for (const fileName of disk.list(DIRECTORY)) {
      const path = `${DIRECTORY}/${fileName}`;
      const contents = disk.contents(path);
      for (let offset = 0; offset < contents.length; offset += 512) {
        const zeroed = contents.slice().fill(0, offset, offset + 512);
        const garbled = contents.slice();
        for (let at = offset; at < offset + 512; at++) garbled[at] = Math.floor(random() * 256);
        const misplaced = contents.slice();
        misplaced.set(contents.subarray(offset, offset + 512), (offset + 512) % contents.length);
        for (const bytes of [zeroed, garbled, misplaced, contents.slice(0, offset)]) {
          disk.place(path, bytes);
          checkDamaged(disk, sizes, proven, `${fileName} sector at ${offset}`);
        }
      }
      disk.place(path, contents);
    }
    assert.equal(recover(disk).tail, sizes.size);
  });

  it("finds any missing segment: by the next one, or by the checkpoint", () => {
    const { disk, sizes } = writeSample();
    const names = disk.list(DIRECTORY).toSorted();
    for (const [index, name] of names.entries()) {
      const path = `${DIRECTORY}/${name}`;
      const contents = disk.contents(path);
      disk.unlink(path);
      if (index === 0) {
        assert.match(corruption(() => recover(disk, 0)).message, /the log begins at position/);
      } else if (index === names.length - 1) {
        assert.match(corruption(() => recover(disk, sizes.size)).message, /the checkpoint reflects/);
      } else {
        const { report, message } = corruption(() => recover(disk));
        assert.match(message, /segment number \d+ is missing/);
        assert.equal(report.witness.includes(String(names[index + 1])), true);
      }
      disk.place(path, contents);
    }
  });

  it("takes an unfinished group for a torn tail, whichever of its sectors are there", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { disk, options } = newLab(seed);
      const writer = LogWriter.open({ ...options, segmentBytes: 16_384 });
      appendTo(writer, 100, 700);
      disk.stopAfter(2);
      const group = packGroup([batchOf(3, 900), batchOf(4, 10), batchOf(5, 1500)]);
      assert.throws(() => writer.append(group), /STOPPED/);
      disk.cutPower({ garbage: 0.2 });
      const recovery = recover(disk);
      assert.ok(recovery.tail >= 2 && recovery.tail <= 5, `seed ${seed}`);
      assert.equal(recovery.durable, recovery.tail > 2 ? 2 : 0);
    }
  });

  it("an intact frame behind a torn one of the same group does not make it damage", () => {
    const { disk, options } = newLab(2);
    const writer = LogWriter.open({ ...options, segmentBytes: 8192 });
    appendTo(writer, 10);
    appendTo(writer, 20, 30, 40);
    disk.corrupt(onlyFile(disk), 512 + 512 + 64, 1);
    const recovery = recover(disk);
    assert.equal(recovery.tail, 1);
    assert.deepEqual(recovery.tornTail, { file: onlyFile(disk), offset: 1024, position: 2 });
  });

  it("a damaged frame is damage when a frame of a later group follows", () => {
    const { disk, options } = newLab(2);
    const writer = LogWriter.open({ ...options, segmentBytes: 8192 });
    appendTo(writer, 10);
    appendTo(writer, 20, 30);
    appendTo(writer, 40);
    disk.corrupt(onlyFile(disk), 512 + 512 + 64, 1);
    assert.deepEqual(corruption(() => recover(disk)).report, {
      file: onlyFile(disk),
      offset: 1024,
      position: 2,
      witness: "the frame of position 4 at offset 2048 says that 3 was durable before it",
    });
  });

  it("the last frame is a torn tail before the idle seal and damage after it", () => {
    const { disk, options } = newLab(2);
    const writer = LogWriter.open(options);
    appendTo(writer, 10);
    appendTo(writer, 20);
    disk.corrupt(onlyFile(disk), 1024 + 64, 1);
    assert.equal(recover(disk).tail, 1);
    disk.corrupt(onlyFile(disk), 1024 + 64, 1);
    writer.seal();
    disk.corrupt(onlyFile(disk), 1024 + 64, 1);
    assert.match(corruption(() => recover(disk)).report.witness, /offset 1536 says that 2 was durable/);
  });

  it("what was rewritten when the log was opened is damage when it cannot be read, without any later frame", () => {
    const { disk, options } = newLab(2);
    const writer = LogWriter.open(options);
    appendTo(writer, 10);
    disk.killProcess();
    LogWriter.open(options);
    disk.corrupt(onlyFile(disk), 512 + 64, 1);
    const { report } = corruption(() => recover(disk));
    assert.equal(report.position, 1);
    assert.match(report.witness, /header of the file says that 1 was durable/);
  });

  it("a segment file that became shorter is damage, even where it only held zeros", () => {
    const { disk, options } = newLab(2);
    appendTo(LogWriter.open(options), 10);
    disk.place(onlyFile(disk), disk.contents(onlyFile(disk)).slice(0, -1));
    assert.match(corruption(() => recover(disk)).message, /2559 bytes but was made with 2560/);
  });

  it("a frame of an older file or an older epoch is no frame, however well it fits", () => {
    const { disk, options } = newLab(2);
    const writer = LogWriter.open(options);
    appendTo(writer, 10, 20);
    const old = disk.contents(onlyFile(disk));
    disk.killProcess();
    const other = newLab(3);
    const otherWriter = LogWriter.open(other.options);
    appendTo(otherWriter, 10);
    const path = onlyFile(other.disk);
    const bytes = other.disk.contents(path);
    bytes.set(old.subarray(1024, 1536), 1024);
    other.disk.place(path, bytes);
    assert.equal(recover(other.disk).tail, 1);

    const { nonce } = recover(other.disk).segments[0]?.header ?? assert.fail();
    encodeFrame(
      bytes,
      1024,
      { kind: "batch", position: 2, epoch: 7, durable: 1, payloadBytes: 0 },
      nonce,
      crc32,
    );
    other.disk.place(path, bytes);
    assert.equal(recover(other.disk).tail, 1);
    encodeFrame(
      bytes,
      1024,
      { kind: "batch", position: 2, epoch: 1, durable: 1, payloadBytes: 0 },
      nonce,
      crc32,
    );
    other.disk.place(path, bytes);
    assert.equal(recover(other.disk).tail, 2);
  });

  it("an intact frame in another one's place is no frame, for recovery and for a reader", () => {
    const { disk, options } = newLab(2);
    appendTo(LogWriter.open({ ...options, segmentBytes: 8192 }), 10, 20, 30);
    const before = recover(disk);
    const bytes = disk.contents(onlyFile(disk));
    bytes.copyWithin(1024, 1536, 2048);
    disk.place(onlyFile(disk), bytes);
    assert.equal(recover(disk).tail, 1);
    assert.throws(() => readRecovered(disk, before), LogCorruptError);
  });

  it("the checkpoint is a witness for what it contains", () => {
    const { disk, options } = newLab(2);
    const writer = LogWriter.open(options);
    appendTo(writer, 10);
    appendTo(writer, 20);
    disk.corrupt(onlyFile(disk), 1024 + 64, 1);
    assert.equal(recover(disk, 1).tail, 1);
    const { report, message } = corruption(() => recover(disk, 2));
    assert.equal(report.position, 2);
    assert.match(message, /checkpoint reflects the log up to position 2/);
    assert.match(message, /Nothing was changed/);
    assert.match(message, /holdfast doctor/);
  });

  it("a log that is gone or begins behind the checkpoint is damage", () => {
    const { disk, options } = newLab(2);
    disk.makeDirectory(DIRECTORY);
    assert.equal(recover(disk, 0).tail, 0);
    assert.match(corruption(() => recover(disk, 5)).message, /there are no segment files/);
    const writer = LogWriter.open(options);
    for (const size of sequence(1, 12)) appendTo(writer, size * 50);
    writer.trim(9);
    const head = recover(disk).segments[0]?.header.firstPosition ?? 0;
    assert.ok(head > 1 && head <= 10);
    assert.equal(recover(disk, head - 1).tail, 12);
    assert.match(corruption(() => recover(disk, head - 2)).message, new RegExp(`begins at position ${head}`));
  });

  it("a segment of an unknown version stops it by name", () => {
    const { disk } = writeSample();
    const path = `${DIRECTORY}/${String(disk.list(DIRECTORY).toSorted()[1])}`;
    const bytes = disk.contents(path);
    bytes[4] = SEGMENT_VERSION + 1;
    new DataView(bytes.buffer).setUint32(68, crc32(bytes.subarray(0, 68)), true);
    disk.place(path, bytes);
    assert.throws(
      () => recover(disk),
      (error) =>
        error instanceof LogVersionError && error.message.includes(path) && /format 2/.test(error.message),
    );
  });

  it("a frame of an unknown version stops it by name, also at the end, and is not cut off", () => {
    const { disk, options } = newLab(2);
    const writer = LogWriter.open(options);
    appendTo(writer, 10);
    appendTo(writer, 20);
    const bytes = disk.contents(onlyFile(disk));
    bytes[1024 + 4] = FRAME_VERSION + 1;
    new DataView(bytes.buffer).setUint32(1024 + 60, crc32(bytes.subarray(1024, 1024 + 60)), true);
    disk.place(onlyFile(disk), bytes);
    assert.throws(() => recover(disk), LogVersionError);
  });

  it("files that are not the log's are left alone and named", () => {
    const { disk, options } = newLab(2);
    disk.makeDirectory(DIRECTORY);
    for (const name of ["notes.txt", "0000000000000001.segment", "00000001-1.segment"]) {
      disk.place(`${DIRECTORY}/${name}`, new Uint8Array(5));
    }
    const writer = LogWriter.open(options);
    assert.deepEqual(writer.report.ignoredFiles, [
      "0000000000000001.segment",
      "00000001-1.segment",
      "notes.txt",
    ]);
    assert.equal(disk.list(DIRECTORY).length, 4);
  });
});

/** Recovers a damaged log and holds the result against what was written. */
function checkDamaged(
  disk: FaultDisk,
  sizes: ReadonlyMap<number, number>,
  proven: number,
  what: string,
): "whole" | "shorter" | "stopped" {
  let recovery: Recovery;
  try {
    recovery = recover(disk);
  } catch (error) {
    assert.ok(error instanceof LogCorruptError, `${what}: ${String(error)}`);
    return "stopped";
  }
  assert.ok(
    recovery.tail >= proven,
    `${what}: ${recovery.tail} batches are left of ${proven} that were proven durable`,
  );
  const batches = readRecovered(disk, recovery);
  const head = recovery.segments[0]?.header.firstPosition ?? 1;
  const expected = sequence(head, recovery.tail).map((position) =>
    batchOf(position, sizes.get(position) ?? -1),
  );
  assert.deepEqual(batches, expected, what);
  return recovery.tail === sizes.size ? "whole" : "shorter";
}

function corruption(step: () => unknown): { report: LogCorruptionReport; message: string } {
  try {
    step();
  } catch (error) {
    assert.ok(error instanceof LogCorruptError, String(error));
    return { report: error.report, message: error.message };
  }
  assert.fail("nothing was found damaged");
}

function onlyFile(disk: FaultDisk): string {
  const names = disk.list(DIRECTORY);
  assert.equal(names.length, 1);
  return `${DIRECTORY}/${String(names[0])}`;
}
