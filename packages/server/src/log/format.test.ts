import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { EmbeddedLog } from "./embedded-log.ts";
import {
  FORMAT_1_DIRECTORY,
  FORMAT_1_HEAD,
  FORMAT_1_TAIL,
  format1Batch,
  writeFormat1,
} from "./fixtures/make-format-1.ts";
import { inspectLog } from "./inspect.ts";
import { readAll, sequence } from "./log.contract.ts";
import { NodeDisk } from "./node-disk.ts";

describe("a log directory of format 1", () => {
  it("is understood: segments, epochs, trim point, seal and torn tail", () => {
    const { segments, ...rest } = inspectLog({ dir: FORMAT_1_DIRECTORY, minimumTail: FORMAT_1_TAIL });
    const last = segments.at(-1)?.fileName ?? "";
    assert.ok(segments.length >= 3);
    assert.deepEqual(rest, {
      firstPosition: FORMAT_1_HEAD,
      lastPosition: FORMAT_1_TAIL,
      epoch: 2,
      tornTail: {
        file: join(FORMAT_1_DIRECTORY, last),
        offset: rest.tornTail?.offset,
        position: FORMAT_1_TAIL + 1,
      },
      corruption: undefined,
      obsoleteFiles: [],
      ignoredFiles: [],
    });
    assert.deepEqual(new Set(segments.map(({ epoch }) => epoch)), new Set([1, 2]));
  });

  it("is read byte for byte and can be continued", async () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-format-"));
    cpSync(FORMAT_1_DIRECTORY, dir, { recursive: true });
    const log = await EmbeddedLog.open({ dir, disk: new NodeDisk() });
    assert.equal(log.epoch, 3);
    assert.equal(log.report.tornTail?.position, FORMAT_1_TAIL + 1);
    assert.equal(await log.append(format1Batch(FORMAT_1_TAIL + 1), FORMAT_1_TAIL), "ok");
    const expected = sequence(FORMAT_1_HEAD, FORMAT_1_TAIL + 1).map(format1Batch);
    assert.deepEqual(await readAll(log, FORMAT_1_HEAD), expected);
    await log.close();
    rmSync(dir, { recursive: true });
  });

  it("is what this program writes, to the byte", () => {
    const written = writeFormat1();
    assert.deepEqual(readdirSync(FORMAT_1_DIRECTORY).toSorted(), [...written.keys()].toSorted());
    for (const [name, bytes] of written) {
      assert.deepEqual(new Uint8Array(readFileSync(join(FORMAT_1_DIRECTORY, name))), bytes, name);
    }
  });
});
