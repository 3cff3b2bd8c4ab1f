import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { EmbeddedLog } from "./embedded-log.ts";
import { inspectLog } from "./inspect.ts";
import { batchOf, sequence } from "./log.contract.ts";
import { LogVersionError } from "./log.ts";
import { NodeDisk } from "./node-disk.ts";

async function withLog(body: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-inspect-"));
  try {
    const log = await EmbeddedLog.open({ dir, segmentBytes: 4096, disk: new NodeDisk() });
    for (const position of sequence(1, 9)) await log.append(batchOf(position, 600), position - 1);
    await log.close();
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Names, sizes, times of change and contents of everything. */
function picture(dir: string): unknown {
  return readdirSync(dir).map((name) => {
    const path = join(dir, name);
    return [name, statSync(path).mtimeMs, readFileSync(path).toString("base64")];
  });
}

describe("inspecting a log", () => {
  it("tells segments, positions and epoch, and changes nothing", () =>
    withLog((dir) => {
      writeFileSync(join(dir, "readme"), "x");
      writeFileSync(join(dir, "00000009.spare"), "x");
      const before = picture(dir);
      const { segments, ...rest } = inspectLog({ dir, minimumTail: 9 });
      assert.deepEqual(rest, {
        firstPosition: 1,
        lastPosition: 9,
        epoch: 1,
        tornTail: undefined,
        corruption: undefined,
        obsoleteFiles: ["00000004.spare", "00000009.spare"],
        ignoredFiles: ["readme"],
      });
      assert.deepEqual(
        segments.map(({ firstPosition, lastPosition }) => [firstPosition, lastPosition]),
        [
          [1, 3],
          [4, 6],
          [7, 9],
        ],
      );
      assert.deepEqual(picture(dir), before);
    }));

  it("tells a torn tail from damage", () =>
    withLog((dir) => {
      const names = readdirSync(dir).toSorted();
      const last = join(dir, names[2] ?? "");
      const bytes = readFileSync(last);
      writeFileSync(last, bytes.with(512 + 2 * 1024 + 100, 0xff));
      const torn = inspectLog({ dir });
      assert.deepEqual(torn.tornTail, { file: last, offset: 2560, position: 9 });
      assert.equal(torn.lastPosition, 8);
      assert.equal(torn.corruption, undefined);

      const damaged = inspectLog({ dir, minimumTail: 9 });
      assert.equal(damaged.corruption?.position, 9);
      assert.equal(damaged.corruption.file, last);
      assert.equal(damaged.lastPosition, 8);
    }));

  it("names what is wrong with each file", () =>
    withLog((dir) => {
      const names = readdirSync(dir).toSorted();
      const second = join(dir, names[1] ?? "");
      writeFileSync(second, readFileSync(second).with(20, 0xff));
      const { segments, corruption, lastPosition } = inspectLog({ dir });
      assert.deepEqual(
        segments.map(({ damage }) => damage),
        [undefined, "its header does not match its checksum", undefined],
      );
      assert.equal(corruption?.file, second);
      assert.equal(lastPosition, 3);
      writeFileSync(second, readFileSync(second).with(20, 0));
    }));

  it("of an empty directory finds an empty log", () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-inspect-"));
    const { firstPosition, lastPosition, epoch, segments } = inspectLog({ dir });
    assert.deepEqual([firstPosition, lastPosition, epoch, segments], [1, 0, 0, []]);
    rmSync(dir, { recursive: true });
  });

  it("stops at a format it does not know", () =>
    withLog((dir) => {
      const first = join(dir, readdirSync(dir).toSorted()[0] ?? "");
      const bytes = readFileSync(first).with(4, 9);
      const { crc32 } = process.getBuiltinModule("node:zlib");
      new DataView(bytes.buffer).setUint32(68, crc32(bytes.subarray(0, 68)), true);
      writeFileSync(first, bytes);
      assert.throws(() => inspectLog({ dir }), LogVersionError);
    }));
});
