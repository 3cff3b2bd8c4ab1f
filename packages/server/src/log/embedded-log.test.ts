import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { crc32 } from "node:zlib";

import { EmbeddedLog } from "./embedded-log.ts";
import { FaultDisk, seededRandom } from "./fault-disk.ts";
import { packGroup } from "./frame-group.ts";
import { inspectLog } from "./inspect.ts";
import { LogWriter } from "./log-writer.ts";
import { batchOf, logContract, readAll, sequence } from "./log.contract.ts";
import { LogCorruptError, LogFailedError, LogTrimmedError, type AppendOutcome } from "./log.ts";
import { NodeDisk } from "./node-disk.ts";
import { surveyLog } from "./recover.ts";
import { WriterHost, type WriterReply, type WriterRequest } from "./writer-host.ts";

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
  // The disk under the temporary directory is not ours to fill; a child process with a limited file size does that.
  { cannotFill: true },
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

function newDisk(seed = 1): FaultDisk {
  return new FaultDisk({ random: seededRandom(seed) });
}

describe("the embedded log", () => {
  it("stores what was appended in one turn with one write and one sync", async () => {
    const disk = newDisk();
    await using log = await EmbeddedLog.open({ dir: "/log", disk });
    const [writes, syncs] = [disk.writes, disk.syncs];
    await Promise.all(sequence(1, 100).map((position) => log.append(batchOf(position, 50), position - 1)));
    assert.deepEqual([disk.writes - writes, disk.syncs - syncs], [1, 1]);
  });

  it("stores requests that queued while a sync was in flight with one write and one sync", () => {
    const disk = newDisk();
    const replies: WriterReply[] = [];
    const host = new WriterHost(openWriter(disk), (reply) => replies.push(reply));
    const [writes, syncs] = [disk.writes, disk.syncs];
    host.handle([appendRequest(1, 2), appendRequest(3, 3), appendRequest(4, 9)]);
    assert.deepEqual([disk.writes - writes, disk.syncs - syncs], [1, 1]);
    const [, reply] = replies;
    assert.ok(reply?.kind === "appended");
    assert.deepEqual([reply.groups, reply.outcome], [3, "ok"]);
  });

  it("rejects the append whose sync failed and everything behind it, and is finished", async () => {
    const disk = newDisk();
    const log = await EmbeddedLog.open({ dir: "/log", disk });
    assert.equal(await log.append(batchOf(1, 10), 0), "ok");
    disk.failSync(1);
    const appends = [2, 3, 4].map((position) => log.append(batchOf(position, 10), position - 1));
    for (const outcome of await Promise.allSettled(appends)) {
      assert.ok(outcome.status === "rejected" && outcome.reason instanceof LogFailedError);
    }
    await assert.rejects(log.append(batchOf(2, 10), 1), LogFailedError);
    await assert.rejects(log.trim(1), LogFailedError);
    assert.equal(log.tail(), 1);
    assert.deepEqual(await readAll(log, 1), [batchOf(1, 10)]);
    await log.close();
  });

  it("tells that it failed although nobody waits for anything", async () => {
    const disk = newDisk();
    const log = await EmbeddedLog.open({ dir: "/log", disk });
    const told: Error[] = [];
    log.onFailed((reason) => told.push(reason));
    await log.append(batchOf(1, 10), 0);
    disk.failSync(1);
    await assert.rejects(log.seal(), LogFailedError);
    assert.equal(told.length, 1);
    log.onFailed((reason) => told.push(reason));
    assert.equal(told[0], told[1]);
    await assert.rejects(log.append(batchOf(2, 10), 1), LogFailedError);
    assert.equal(told.length, 2);
    await log.close();
  });

  it("refuses requests that were on their way while one before them found the disk full", async () => {
    const disk = newDisk();
    await using log = await EmbeddedLog.open({ dir: "/log", disk });
    // Too much for one request and for one write: the second write must not happen.
    const appendAll = (): Promise<AppendOutcome[]> =>
      Promise.all([1, 2, 3, 4].map((position) => log.append(batchOf(position, 3_000_000), position - 1)));
    disk.fillAtWrite(1);
    assert.deepEqual(await appendAll(), ["full", "full", "full", "full"]);
    assert.equal(log.tail(), 0);
    assert.deepEqual(await appendAll(), ["ok", "ok", "ok", "ok"]);
    assert.equal((await readAll(log, 1)).length, 4);
  });

  it("gives every payload that is read a buffer of its own", async () => {
    await using log = await EmbeddedLog.open({ dir: "/log", disk: newDisk() });
    const batches = sequence(1, 30).map((position) => batchOf(position, 100_000));
    await Promise.all(batches.map((batch) => log.append(batch, batch.position - 1)));
    for (const [index, { payload }] of (await readAll(log, 1)).entries()) {
      assert.ok(Buffer.from(payload).equals(batches[index]?.payload ?? payload), `batch ${index}`);
    }
  });

  it("goes on when a file cannot be removed, and removes it with the next trim", async () => {
    const disk = newDisk();
    await using log = await EmbeddedLog.open({ dir: "/log", segmentBytes: 2048, disk });
    for (const position of sequence(1, 9)) await log.append(batchOf(position, 400), position - 1);
    const unlink = disk.unlink.bind(disk);
    disk.unlink = (path): never => assert.fail(`EPERM: ${path}`);
    await assert.rejects(log.trim(9), /EPERM/);
    assert.equal(log.head(), 1);
    assert.equal(await log.append(batchOf(10, 400), 9), "ok");
    disk.unlink = unlink;
    await log.trim(9);
    assert.ok(log.head() > 1);
  });

  it("ends a read by name when the batches are trimmed under it", async () => {
    await using log = await EmbeddedLog.open({ dir: "/log", segmentBytes: 2048, disk: newDisk() });
    for (const position of sequence(1, 20)) await log.append(batchOf(position, 400), position - 1);
    const reading = log.read(1)[Symbol.asyncIterator]();
    assert.equal((await reading.next()).value?.position, 1);
    await log.trim(15);
    await assert.rejects(async () => {
      while ((await reading.next()).done !== true);
    }, LogTrimmedError);
  });

  it("refuses segments that could not hold a frame", async () => {
    await assert.rejects(
      EmbeddedLog.open({ dir: "/log", segmentBytes: 512, disk: newDisk() }),
      /at least 1536/,
    );
  });
});

describe("the embedded log's thread", () => {
  let dir = "";
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "holdfast-log-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("seals the last batch when nothing follows, again and again", async () => {
    await using log = await EmbeddedLog.open({ dir });
    const durable = (): number => {
      const [segment] = surveyLog(new NodeDisk(), dir, crc32).segments;
      return segment?.contents.kind === "scanned" ? segment.contents.scan.durable : 0;
    };
    for (const position of [1, 2, 3]) {
      await log.append(batchOf(position, 10), position - 1);
      while (durable() < position) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(durable(), 3);
  });

  it("prepares the next segment while batches arrive, and rolls into it", async () => {
    await using log = await EmbeddedLog.open({ dir, segmentBytes: 4 * 1024 * 1024 });
    const prepared = (): number => {
      const spare = readdirSync(dir).find((name) => name.endsWith(".spare"));
      return spare === undefined ? 0 : statSync(join(dir, spare)).size;
    };
    await log.append(batchOf(1, 900_000), 0);
    while (prepared() < 3 * 1024 * 1024) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const position of sequence(2, 8)) await log.append(batchOf(position, 300_000), position - 1);
    assert.equal(inspectLog({ dir }).segments.length, 2);
    assert.equal((await readAll(log, 1)).length, 8);
  });

  it("reports damage with its place, and leaves no thread behind", async () => {
    const log = await EmbeddedLog.open({ dir });
    await log.append(batchOf(1, 10), 0);
    await log.close();
    await assert.rejects(EmbeddedLog.open({ dir, minimumTail: 2 }), (error) => {
      assert.ok(error instanceof LogCorruptError);
      assert.equal(error.report.position, 2);
      assert.match(error.message, /checkpoint reflects the log up to position 2/);
      return true;
    });
    await using again = await EmbeddedLog.open({ dir, minimumTail: 1 });
    assert.equal(again.tail(), 1);
  });

  it("keeps every batch in order under many appends in flight", async () => {
    await using log = await EmbeddedLog.open({ dir, segmentBytes: 65_536 });
    let next = 1;
    const appendSome = async (): Promise<void> => {
      while (next <= 2000) {
        const position = next++;
        assert.equal(await log.append(batchOf(position, position % 700), position - 1), "ok");
      }
    };
    await Promise.all(sequence(1, 64).map(appendSome));
    assert.deepEqual(
      await readAll(log, 1),
      sequence(1, 2000).map((position) => batchOf(position, position % 700)),
    );
  });
});

function openWriter(disk: FaultDisk): LogWriter {
  const nonce = (): Uint8Array => new Uint8Array(8);
  return LogWriter.open({
    disk,
    directory: "/log",
    segmentBytes: 65_536,
    minimumTail: undefined,
    crc32,
    nonce,
  });
}

function appendRequest(first: number, last: number): WriterRequest {
  return {
    kind: "append",
    group: packGroup(sequence(first, last).map((position) => batchOf(position, 100))),
  };
}
