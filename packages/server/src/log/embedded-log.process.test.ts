import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";

import { EmbeddedLog } from "./embedded-log.ts";
import { batchOf, readAll, sequence } from "./log.contract.ts";

const KILLS = 8;

const IMPORTS = ["./embedded-log.ts", "./log.contract.ts"].map((path) => new URL(path, import.meta.url).href);

/** Appends without end, up to 16 in flight, and prints each position when it is acknowledged. */
const WRITER = `
  const { EmbeddedLog } = await import(${JSON.stringify(IMPORTS[0])});
  const { batchOf } = await import(${JSON.stringify(IMPORTS[1])});
  const log = await EmbeddedLog.open({ dir: process.argv[1], segmentBytes: 262144 });
  let next = log.tail() + 1;
  const appendForEver = async () => {
    for (;;) {
      const position = next++;
      const outcome = await log.append(batchOf(position, (position * 37) % 5000), position - 1);
      process.stdout.write(outcome + " " + position + "\\n");
    }
  };
  for (let index = 0; index < 16; index++) void appendForEver();
`;

/** Opens, appends, and neither closes nor exits. */
const LEAVER = `
  const { EmbeddedLog } = await import(${JSON.stringify(IMPORTS[0])});
  const log = await EmbeddedLog.open({ dir: process.argv[1] });
  process.stdout.write(await log.append({ position: 1, payload: new Uint8Array(5) }, 0));
`;

/**
 * Runs where no file may become larger than 2 MiB. The first append, too large to share a write with the second, finds that
 * out while that one is on its way. Then both are made anew, smaller.
 */
const FILLER = `
  const { EmbeddedLog } = await import(${JSON.stringify(IMPORTS[0])});
  const log = await EmbeddedLog.open({ dir: process.argv[1] });
  const append = (position, size) => log.append({ position, payload: new Uint8Array(size).fill(position) }, position - 1);
  const large = append(1, 9 * 1024 * 1024);
  for (let turn = 0; turn < 5; turn++) await undefined;
  const behind = append(2, 5);
  const outcomes = [await large];
  const again = append(1, 10);
  outcomes.push(await behind, await again, await append(2, 20), log.tail());
  process.stdout.write(outcomes.join());
`;

/**
 * Runs where few files may be open, and lets others take all of them: once while the log appends on and on, and once while it
 * gives up what is not needed any more.
 */
const STARVED = `
  import { closeSync, openSync } from "node:fs";
  const { EmbeddedLog } = await import(${JSON.stringify(IMPORTS[0])});
  const log = await EmbeddedLog.open({ dir: process.argv[1], segmentBytes: 131072 });
  const others = [];
  const takeAll = () => {
    try {
      for (;;) others.push(openSync("/dev/null"));
    } catch (error) {
      if (error.code !== "EMFILE") throw error;
    }
  };
  const free = () => { for (const fd of others.splice(0)) closeSync(fd); };
  const append = () => log.append({ position: log.tail() + 1, payload: new Uint8Array(20_000) }, log.tail());
  const appendUntilFull = async () => {
    for (let count = 0; count < 100; count++) if ((await append()) === "full") return "full";
  };
  takeAll();
  const starved = await appendUntilFull();
  free();
  const fed = await append();
  takeAll();
  await log.trim(log.tail());
  const trimmed = log.head() > 1;
  free();
  process.stdout.write([starved, fed, trimmed, await append()].join());
`;

describe("the embedded log in a process", () => {
  it("keeps every acknowledged batch over kill -9 at random moments", async () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-kill-"));
    let acknowledged = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      acknowledged = Math.max(acknowledged, await writeUntilKilled(dir, 20 + kill * 23));
      const log = await EmbeddedLog.open({ dir, segmentBytes: 262_144 });
      assert.ok(log.tail() >= acknowledged, `${log.tail()} of ${acknowledged} after kill ${kill}`);
      assert.equal(log.epoch, 2 * kill);
      await log.close();
    }
    const log = await EmbeddedLog.open({ dir });
    assert.deepEqual(
      await readAll(log, 1),
      sequence(1, log.tail()).map((position) => batchOf(position, (position * 37) % 5000)),
    );
    await log.close();
    rmSync(dir, { recursive: true });
  });

  const isLimited = { skip: process.platform === "win32" };

  it("goes on after a full disk, whatever was on its way", isLimited, async () => {
    assert.equal(await outputUnder('trap "" XFSZ; ulimit -f 4096', FILLER), "full,full,ok,ok,2");
  });

  it("goes on after others had taken every file descriptor", isLimited, async () => {
    assert.equal(await outputUnder("ulimit -n 64", STARVED), "full,ok,true,ok");
  });

  it("does not keep a process alive that has nothing else to do", async () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-leave-"));
    const child = start(LEAVER, dir);
    let output = "";
    child.stdout?.on("data", (data) => (output += String(data)));
    assert.deepEqual(await once(child, "exit"), [0, null]);
    assert.equal(output, "ok");
    rmSync(dir, { recursive: true });
  });
});

/** What the program prints, in a shell that was limited before. Fails when it ends otherwise than it should. */
async function outputUnder(limit: string, program: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-limited-"));
  const limited = `${limit}; exec "$0" --input-type=module -e "$1" "$2"`;
  const child = spawn("/bin/sh", ["-c", limited, process.execPath, program, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data) => (output += String(data)));
  assert.deepEqual(await once(child, "exit"), [0, null]);
  rmSync(dir, { recursive: true });
  return output;
}

/** Returns the last position that the child was told is durable, as far as it could say so. */
async function writeUntilKilled(dir: string, lines: number): Promise<number> {
  const child = start(WRITER, dir);
  let last = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout ?? assert.fail() })) {
    const match = /^ok (\d+)$/.exec(line);
    last = Math.max(last, Number(match?.[1] ?? 0));
    seen += 1;
    if (seen === lines) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.equal(child.signalCode, "SIGKILL");
  return last;
}

function start(program: string, dir: string): ReturnType<typeof spawn> {
  return spawn(process.execPath, ["--input-type=module", "-e", program, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}
