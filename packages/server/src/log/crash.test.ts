import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";

import { errorCode } from "./disk.ts";
import { FaultDisk, seededRandom, STOPPED } from "./fault-disk.ts";
import { packGroup } from "./frame-group.ts";
import { readBatches } from "./log-reader.ts";
import { LogWriter } from "./log-writer.ts";
import { sequence } from "./log.contract.ts";
import type { LogBatch } from "./log.ts";
import type { LogWriterOptions } from "./open-log-directory.ts";

const DIRECTORY = "/log";

/**
 * What may be in the log. Every payload that was ever handed over is unique, so one that comes back from an abandoned try
 * is noticed.
 */
class Ledger {
  /** By position: acknowledged, or found by a recovery, which promises as much. */
  readonly certain = new Map<number, Uint8Array>();
  /** The group whose append did not return. */
  pending: LogBatch[] = [];
  /** Appends that ended "full". */
  fulls = 0;
  trimmed = 0;
  #serial = 0;

  get tail(): number {
    return this.certain.size + this.trimmed;
  }

  next(random: () => number): LogBatch[] {
    const count = 1 + Math.floor(random() * 4);
    return sequence(this.tail + 1, this.tail + count).map((position) => {
      const payload = new Uint8Array(8 + Math.floor(random() ** 3 * 3000)).fill((this.#serial += 1) & 0xff);
      new DataView(payload.buffer).setUint32(0, this.#serial, true);
      return { position, payload };
    });
  }

  acknowledge(batches: readonly LogBatch[]): void {
    for (const { position, payload } of batches) this.certain.set(position, payload);
    this.pending = [];
  }

  /** LOG-1, LOG-2, LOG-3: everything certain, then some beginning of the pending group, nothing else. */
  meet(found: readonly LogBatch[], head: number, what: string): void {
    const byPosition = new Map(found.map(({ position, payload }) => [position, payload]));
    for (const [position, payload] of this.certain) {
      if (position >= head)
        assert.deepEqual(byPosition.get(position), payload, `${what}: position ${position}`);
    }
    const extra = found.filter(({ position }) => !this.certain.has(position));
    assert.deepEqual(extra, this.pending.slice(0, extra.length), `${what}: not what was being written`);
    assert.deepEqual(
      found.map(({ position }) => position),
      sequence(head, this.tail + extra.length),
      what,
    );
    this.acknowledge(extra);
  }
}

function openAndCheck(disk: FaultDisk, options: LogWriterOptions, ledger: Ledger, what: string): LogWriter {
  const writer = LogWriter.open(options);
  const head = writer.segments[0]?.firstPosition ?? 1;
  assert.ok(head <= ledger.trimmed + 1, what);
  const { segments, tail: to } = writer;
  const found = [
    ...readBatches({ disk, directory: DIRECTORY, crc32, segments, from: head, to, head: () => head }),
  ];
  const kept = found.filter(({ position }) => position > ledger.trimmed);
  ledger.meet(kept, ledger.trimmed + 1, what);
  return writer;
}

/** Appends, seals, prepares and trims until the disk stops. */
function work(writer: LogWriter, ledger: Ledger, random: () => number, steps: number): void {
  for (let step = 0; step < steps; step++) {
    const dice = random();
    if (dice < 0.7) {
      ledger.pending = ledger.next(random);
      const outcome = writer.append(packGroup(ledger.pending));
      if (outcome === "ok") ledger.acknowledge(ledger.pending);
      else {
        ledger.pending = [];
        ledger.fulls += 1;
      }
    } else if (dice < 0.8) {
      writer.seal();
    } else if (dice < 0.95) {
      writer.prepare();
    } else {
      const upTo = ledger.trimmed + Math.floor(random() * (ledger.tail - ledger.trimmed));
      // Before the call: if it is cut short, the batches may be gone.
      for (const position of sequence(ledger.trimmed + 1, upTo)) ledger.certain.delete(position);
      ledger.trimmed = upTo;
      writer.trim(upTo);
    }
  }
}

function untilStopped(step: () => void): void {
  try {
    step();
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    if (errorCode(cause) !== STOPPED) throw error;
  }
}

function newDisk(
  seed: number,
  segmentBytes: number,
): { disk: FaultDisk; options: LogWriterOptions; random: () => number } {
  const random = seededRandom(seed);
  const disk = new FaultDisk({ random });
  const nonce = (): Uint8Array => Uint8Array.from({ length: 8 }, () => Math.floor(random() * 256));
  const options = { disk, directory: DIRECTORY, segmentBytes, minimumTail: undefined, crc32, nonce };
  return { disk, options, random };
}

describe("a log whose machine stops", () => {
  it("keeps every acknowledged batch and brings nothing back, over many power cuts at random moments", () => {
    let cutInOpen = 0;
    let cutInWork = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const { disk, options, random } = newDisk(seed, 1536 + 512 * (seed % 20));
      const ledger = new Ledger();
      for (let life = 0; life < 12; life++) {
        const what = `seed ${seed}, life ${life}`;
        disk.stopAfter(1 + Math.floor(random() * 60));
        let writer: LogWriter | undefined;
        untilStopped(() => {
          writer = openAndCheck(disk, options, ledger, what);
        });
        if (writer === undefined) cutInOpen += 1;
        else untilStopped(() => work(writer as LogWriter, ledger, random, 40));
        cutInWork += 1;
        if (random() < 0.3) disk.killProcess();
        else disk.cutPower({ garbage: random() < 0.3 ? 0.1 : 0 });
      }
      openAndCheck(disk, options, ledger, `seed ${seed}, at the end`);
    }
    assert.ok(cutInOpen > 60 && cutInWork > 300, `${cutInOpen} ${cutInWork}`);
  });

  it("keeps its promises when it stops within any one call to the disk, while working or while opening", () => {
    const script = (writer: LogWriter, ledger: Ledger): void => work(writer, ledger, seededRandom(9), 25);
    const rehearsal = newDisk(1, 4096);
    script(openAndCheck(rehearsal.disk, rehearsal.options, new Ledger(), "rehearsal"), new Ledger());
    const operations = rehearsal.disk.operations;
    assert.ok(operations > 50);

    for (let stop = 1; stop <= operations; stop++) {
      for (let again = 1; again <= 9; again += 3) {
        const { disk, options, random } = newDisk(stop * 100 + again, 4096);
        const ledger = new Ledger();
        disk.stopAfter(stop);
        untilStopped(() => script(openAndCheck(disk, options, ledger, "first life"), ledger));
        disk.cutPower({ garbage: random() < 0.5 ? 0.1 : 0 });
        // The second start is cut short as well.
        disk.stopAfter(again);
        const what = `stopped at ${stop}, then at ${again}`;
        untilStopped(() => openAndCheck(disk, options, ledger, what));
        disk.cutPower();
        work(openAndCheck(disk, options, ledger, what), ledger, random, 5);
      }
    }
  });

  it("keeps its promises when the disk also fills up and syncs fail", () => {
    let fulls = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const { disk, options, random } = newDisk(seed, 4096);
      const ledger = new Ledger();
      for (let life = 0; life < 8; life++) {
        disk.setCapacity(Number.POSITIVE_INFINITY);
        const writer = openAndCheck(disk, options, ledger, `seed ${seed}, life ${life}`);
        if (random() < 0.5) disk.setCapacity(disk.usedBytes() + Math.floor(random() * 9000));
        if (random() < 0.5) disk.fillAtWrite(1 + Math.floor(random() * 10));
        if (random() < 0.3) disk.failSync(1 + Math.floor(random() * 20));
        try {
          work(writer, ledger, random, 20);
        } catch (error) {
          assert.match(String(error), /EIO/);
        }
        disk.fillAtWrite(0);
        disk.failSync(0);
        if (random() < 0.5) disk.killProcess();
        else disk.cutPower();
      }
      fulls += ledger.fulls;
    }
    assert.ok(fulls > 100, `${fulls} appends were full`);
  });
});
