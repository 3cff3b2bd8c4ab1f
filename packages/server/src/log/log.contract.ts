import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { LogTrimmedError, type AppendOutcome, type LogBatch, type PartitionLog } from "./log.ts";

/** One storage on which a log can be opened again and again. */
export interface LogUnderTest {
  /** The log opened before, if any, was closed or crashed. */
  open(): Promise<PartitionLog>;
  /** Ends the log as a dying process would. */
  crash(log: PartitionLog): Promise<void>;
  /** Makes the next appends of a few kilobytes run out of space; `free` gives it back. */
  fill(): void;
  free(): void;
  dispose(): Promise<void>;
}

export type LogContractOptions = {
  /** The storage cannot be filled at will: what a full disk does is then left to the log's own tests. */
  readonly cannotFill?: boolean;
};

/** What every implementation of the port owes its callers. Each test gets a storage of its own. */
export function logContract(
  name: string,
  factory: () => Promise<LogUnderTest>,
  options: LogContractOptions = {},
): void {
  describe(`${name} keeps the log contract:`, () => {
    const check: Check = (title, body) => {
      it(title, async () => {
        const storage = await factory();
        try {
          await body(storage);
        } finally {
          await storage.dispose();
        }
      });
    };
    checkAppend(check);
    checkRead(check);
    checkReopen(check);
    checkTrim(check);
    if (options.cannotFill !== true) checkFull(check);
  });
}

type Check = (title: string, body: (storage: LogUnderTest) => Promise<void>) => void;

function checkAppend(check: Check): void {
  check("a new log is empty and in its first epoch", async (storage) => {
    const log = await storage.open();
    assert.equal(log.epoch, 1);
    assert.equal(log.tail(), 0);
    assert.equal(log.head(), 1);
    assert.deepEqual(await readAll(log, 1), []);
    await log.close();
  });

  check("a batch counts from the moment its append resolves, not before", async (storage) => {
    const log = await storage.open();
    const append = log.append(batchOf(1, 100), 0);
    assert.equal(log.tail(), 0);
    assert.equal(await append, "ok");
    assert.equal(log.tail(), 1);
    await log.close();
  });

  check("batches of all sizes are read back byte for byte", async (storage) => {
    const log = await storage.open();
    const sizes = [0, 1, 443, 444, 445, 1000, 4096, 70_000, 3, 1_500_000, 0, 17];
    const batches = sizes.map((size, index) => batchOf(index + 1, size));
    for (const batch of batches) assert.equal(await log.append(batch, batch.position - 1), "ok");
    assert.deepEqual(await readAll(log, 1), batches);
    await log.close();
  });

  check("pipelined appends are all stored and resolve in order", async (storage) => {
    const log = await storage.open();
    const resolved: number[] = [];
    const appends: Array<Promise<AppendOutcome>> = [];
    for (let position = 1; position <= 200; position++) {
      const append = log.append(batchOf(position, position * 7), position - 1);
      appends.push(append);
      void append.then(() => resolved.push(position));
      if (position % 50 === 0) await nextTurn();
    }
    const outcomes = await Promise.all(appends);
    assert.deepEqual(new Set(outcomes), new Set(["ok"]));
    assert.deepEqual(resolved, sequence(1, 200));
    assert.equal(log.tail(), 200);
    assert.deepEqual(positionsOf(await readAll(log, 1)), sequence(1, 200));
    await log.close();
  });

  check("a batch that is not the next one is refused and changes nothing", async (storage) => {
    const log = await storage.open();
    await log.append(batchOf(1, 10), 0);
    await assert.rejects(log.append(batchOf(1, 10), 0), /next position is 2/);
    await assert.rejects(log.append(batchOf(3, 10), 2), /next position is 2/);
    await assert.rejects(log.append(batchOf(2, 10), 0), /next position is 2/);
    assert.equal(await log.append(batchOf(2, 10), 1), "ok");
    assert.deepEqual(await readAll(log, 1), [batchOf(1, 10), batchOf(2, 10)]);
    await log.close();
  });

  check("the caller can still read the payload that it appended", async (storage) => {
    const log = await storage.open();
    const batch = batchOf(1, 5000);
    await log.append(batch, 0);
    assert.deepEqual(batch, batchOf(1, 5000));
    await log.close();
  });

  check("a payload may be a view into a larger buffer", async (storage) => {
    const log = await storage.open();
    const buffer = new Uint8Array(1000).fill(9);
    await log.append({ position: 1, payload: buffer.subarray(100, 200) }, 0);
    assert.deepEqual(await readAll(log, 1), [{ position: 1, payload: new Uint8Array(100).fill(9) }]);
    assert.equal(buffer.length, 1000);
    await log.close();
  });

  check("a closed log refuses appends, after it has carried out those before", async (storage) => {
    const log = await storage.open();
    const append = log.append(batchOf(1, 10), 0);
    await log.close();
    assert.equal(await append, "ok");
    await assert.rejects(log.append(batchOf(2, 10), 1), /closed/);
  });
}

function checkRead(check: Check): void {
  check("a read begins where it is told to and ends at the tail it found", async (storage) => {
    const log = await storage.open();
    await appendMany(log, 1, 10);
    const reading = log.read(7)[Symbol.asyncIterator]();
    const first = await reading.next();
    await appendMany(log, 11, 12);
    const positions = [first.value.position];
    for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
      positions.push(next.value.position);
    }
    assert.deepEqual(positions, [7, 8, 9, 10]);
    assert.deepEqual(positionsOf(await readAll(log, 13)), []);
    await log.close();
  });

  check("what a reader does to a payload does not reach the log", async (storage) => {
    const log = await storage.open();
    await log.append(batchOf(1, 50), 0);
    for (const { payload } of await readAll(log, 1)) payload.fill(0);
    assert.deepEqual(await readAll(log, 1), [batchOf(1, 50)]);
    await log.close();
  });
}

function checkReopen(check: Check): void {
  for (const how of ["closed", "crashed"] as const) {
    check(`a log that was ${how} has the same batches in a later epoch`, async (storage) => {
      for (let round = 0; round < 4; round++) {
        const log = await storage.open();
        assert.equal(log.epoch, round + 1);
        assert.equal(log.tail(), round * 5);
        assert.deepEqual(await readAll(log, 1), batchesOf(1, round * 5));
        await appendMany(log, round * 5 + 1, round * 5 + 5);
        await (how === "closed" ? log.close() : storage.crash(log));
      }
    });
  }

  check("a log that is opened often without appends stays as it is", async (storage) => {
    const first = await storage.open();
    await appendMany(first, 1, 3);
    await storage.crash(first);
    for (let round = 0; round < 5; round++) await storage.crash(await storage.open());
    const log = await storage.open();
    assert.equal(log.epoch, 7);
    assert.deepEqual(await readAll(log, 1), batchesOf(1, 3));
    await log.close();
  });
}

function checkTrim(check: Check): void {
  check("trimmed batches are gone or still whole, and all later ones stay", async (storage) => {
    const log = await storage.open();
    await appendMany(log, 1, 60);
    await log.trim(40);
    assert.ok(log.head() <= 41);
    assert.equal(log.tail(), 60);
    assert.deepEqual(await readAll(log, 41), batchesOf(41, 60));
    assert.deepEqual(await readAll(log, log.head()), batchesOf(log.head(), 60));
    await log.close();
  });

  check("reading behind the trim point fails by name", async (storage) => {
    const log = await storage.open();
    await trimUntilGone(log);
    const head = log.head();
    await assert.rejects(
      readAll(log, 1),
      (error) =>
        error instanceof LogTrimmedError && error.head === head && /from position 1/.test(error.message),
    );
    await log.close();
  });

  check("positions never restart, whatever was trimmed", async (storage) => {
    const log = await storage.open();
    await trimUntilGone(log);
    const [tail, head] = [log.tail(), log.head()];
    await storage.crash(log);
    const reopened = await storage.open();
    assert.equal(reopened.tail(), tail);
    assert.ok(reopened.head() >= head);
    assert.deepEqual(await readAll(reopened, reopened.head()), batchesOf(reopened.head(), tail));
    assert.equal(await reopened.append(batchOf(tail + 1, 20), tail), "ok");
    await reopened.close();
  });

  check("what is not durable cannot be trimmed", async (storage) => {
    const log = await storage.open();
    await appendMany(log, 1, 2);
    await assert.rejects(log.trim(3), /only 2 is durable/);
    await log.trim(0);
    assert.deepEqual(await readAll(log, 1), batchesOf(1, 2));
    await log.close();
  });

  check("appends made around a trim are all stored", async (storage) => {
    const log = await storage.open();
    await appendMany(log, 1, 60);
    const before = log.append(batchOf(61, 10), 60);
    const trim = log.trim(60);
    const after = log.append(batchOf(62, 10), 61);
    assert.deepEqual(await Promise.all([before, trim, after]), ["ok", undefined, "ok"]);
    assert.deepEqual(await readAll(log, 61), [batchOf(61, 10), batchOf(62, 10)]);
    await log.close();
  });
}

function checkFull(check: Check): void {
  const nothingStored = async (storage: LogUnderTest): Promise<void> => {
    const log = await storage.open();
    await appendMany(log, 1, 3);
    storage.fill();
    assert.equal(await log.append(batchOf(4, 9000), 3), "full");
    assert.equal(log.tail(), 3);
    assert.deepEqual(await readAll(log, 1), batchesOf(1, 3));
    await storage.crash(log);
    storage.free();
    const reopened = await storage.open();
    assert.deepEqual(await readAll(reopened, 1), batchesOf(1, 3));
    await reopened.close();
  };
  check("on a full disk an append ends full and nothing of it is stored", nothingStored);

  const retried = async (storage: LogUnderTest): Promise<void> => {
    const log = await storage.open();
    await appendMany(log, 1, 3);
    storage.fill();
    const appends: Array<Promise<AppendOutcome>> = [];
    for (let position = 4; position <= 40; position++) {
      appends.push(log.append(batchOf(position, 9000), position - 1));
    }
    assert.deepEqual(new Set(await Promise.all(appends)), new Set(["full"]));
    storage.free();
    for (let position = 4; position <= 40; position++) {
      assert.equal(await log.append(batchOf(position, 9000), position - 1), "ok");
    }
    assert.equal(log.tail(), 40);
    assert.deepEqual((await readAll(log, 4)).at(-1), batchOf(40, 9000));
    await log.close();
  };
  check("whatever is behind a full append ends full, and the same appends succeed later", retried);
}

/** Payloads that differ by position, so that a mix-up shows. */
export function batchOf(position: number, size: number): LogBatch {
  const payload = new Uint8Array(size);
  for (let index = 0; index < size; index++) payload[index] = (position * 31 + index * 7) & 0xff;
  return { position, payload };
}

function batchesOf(first: number, last: number): LogBatch[] {
  return sequence(first, last).map((position) => batchOf(position, 100 + position));
}

async function appendMany(log: PartitionLog, first: number, last: number): Promise<void> {
  for (const batch of batchesOf(first, last)) assert.equal(await log.append(batch, batch.position - 1), "ok");
}

/** Appends and trims until the implementation, at its granularity, has removed something. */
async function trimUntilGone(log: PartitionLog): Promise<void> {
  while (log.head() === 1) {
    await appendMany(log, log.tail() + 1, log.tail() + 30);
    await log.trim(log.tail());
    assert.ok(log.tail() < 100_000, "nothing is ever trimmed");
  }
}

export async function readAll(log: PartitionLog, from: number): Promise<LogBatch[]> {
  const batches: LogBatch[] = [];
  for await (const { position, payload } of log.read(from)) batches.push({ position, payload });
  return batches;
}

function positionsOf(batches: readonly LogBatch[]): number[] {
  return batches.map(({ position }) => position);
}

export function sequence(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
