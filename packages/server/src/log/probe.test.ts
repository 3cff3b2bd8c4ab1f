import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { FaultDisk } from "./fault-disk.ts";
import { probeDisk } from "./probe.ts";

/** A clock that advances by `micros` at each look. */
function stepping(micros: number): () => number {
  let now = 0;
  return () => (now += micros);
}

function newDisk(): FaultDisk {
  const disk = new FaultDisk({ random: () => 0.5 });
  disk.makeDirectory("/data");
  return disk;
}

describe("the disk probe", () => {
  it("measures a real directory and leaves no file there", () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-probe-"));
    assert.ok(probeDisk({ dir }).p50Micros > 0);
    assert.deepEqual(readdirSync(dir), []);
    rmSync(dir, { recursive: true });
  });

  it("syncs twenty times, and fewer on a disk so slow that the start would wait", () => {
    const quick = newDisk();
    assert.deepEqual(probeDisk({ dir: "/data", disk: quick, nowMicros: stepping(100), mounts: "" }), {
      p50Micros: 100,
      warnings: [],
    });
    assert.equal(quick.syncs, 21);
    const slow = newDisk();
    probeDisk({ dir: "/data", disk: slow, nowMicros: stepping(20_000), mounts: "" });
    assert.ok(slow.syncs <= 4);
    assert.deepEqual(slow.list("/data"), []);
  });

  it("warns of a sync that is faster than any drive", () => {
    const { warnings } = probeDisk({ dir: "/data", disk: newDisk(), nowMicros: stepping(5), mounts: "" });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /sync in \/data takes 5 µs/);
  });

  it("warns of file systems that are memory, a container's layer or on a network", () => {
    const mounts = [
      "/dev/sda / ext4 rw 0 0",
      "none /data tmpfs rw 0 0",
      "none /data/with\\040blank 9p rw 0 0",
      "none /database nfs4 rw 0 0",
      "none /over overlay rw 0 0",
    ].join("\n");
    const warningsAt = (dir: string): string => {
      const disk = new FaultDisk({ random: () => 0.5 });
      disk.makeDirectory(dir);
      return probeDisk({ dir, disk, nowMicros: stepping(100), mounts }).warnings.join();
    };
    assert.equal(warningsAt("/srv"), "");
    assert.match(warningsAt("/data"), /type tmpfs/);
    assert.match(warningsAt("/data/log"), /type tmpfs/);
    assert.match(warningsAt("/data/with blank/log"), /type 9p/);
    assert.match(warningsAt("/database/x"), /type nfs4/);
    assert.match(warningsAt("/over"), /type overlay/);
  });

  it("replaces the file that an interrupted probe left", () => {
    const disk = newDisk();
    disk.place("/data/probe.tmp", new Uint8Array(3));
    probeDisk({ dir: "/data", disk, nowMicros: stepping(100), mounts: "" });
    assert.deepEqual(disk.list("/data"), []);
  });
});
