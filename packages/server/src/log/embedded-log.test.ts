import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EmbeddedLog } from "./embedded-log.ts";
import { FaultDisk, seededRandom } from "./fault-disk.ts";
import { logContract } from "./log.contract.ts";

logContract(
  "the embedded log in its thread",
  async () => {
    const dir = await mkdtemp(join(tmpdir(), "holdfast-log-"));
    return {
      open: () => EmbeddedLog.open({ dir, segmentBytes: 8192 }),
      // A process that dies closes its files, and nothing else: closing writes nothing.
      crash: (log) => log.close(),
      fill: () => assert.fail("the disk under the temporary directory is not ours to fill"),
      free: () => undefined,
      dispose: () => rm(dir, { recursive: true, force: true }),
    };
  },
  { cannotFill: "the disk under the temporary directory is not ours to fill" },
);

for (const segmentBytes of [1536, 8192, 1_048_576]) {
  logContract(`the embedded log on a simulated disk with segments of ${segmentBytes} bytes`, () => {
    const disk = new FaultDisk({ random: seededRandom(segmentBytes) });
    return Promise.resolve({
      open: () => EmbeddedLog.open({ dir: "/log", segmentBytes, disk }),
      crash: () => {
        disk.cutPower({ survival: 0 });
        return Promise.resolve();
      },
      fill: () => {
        disk.setCapacity(disk.usedBytes());
        disk.fillAtWrite(1);
      },
      free: () => {
        disk.setCapacity(Number.POSITIVE_INFINITY);
        disk.fillAtWrite(0);
      },
      dispose: () => Promise.resolve(),
    });
  });
}
