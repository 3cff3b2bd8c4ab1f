/**
 * What the log costs beside the bare disk, in one run on one machine:
 *
 *     node packages/server/src/log/log.bench.ts [directory]
 */
import { closeSync, fdatasyncSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EmbeddedLog } from "./embedded-log.ts";

const PAYLOAD_BYTES = 4096;
const SINGLE_APPENDS = 4000;
const PIPELINED_APPENDS = 60_000;
const IN_FLIGHT = 200;

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "holdfast-bench-"));
try {
  bareLoop(join(directory, "bare"));
  const log = await EmbeddedLog.open({ dir: join(directory, "log") });
  await single(log, "single appender, first appends");
  await single(log, "single appender, later");
  await pipelined(log);
  await log.close();
  await reopen(join(directory, "log"));
} finally {
  rmSync(directory, { recursive: true });
}

function bareLoop(path: string): void {
  const fd = openSync(path, "w");
  writeSync(fd, new Uint8Array(SINGLE_APPENDS * PAYLOAD_BYTES));
  fsyncSync(fd);
  const bytes = new Uint8Array(PAYLOAD_BYTES).fill(1);
  const micros: number[] = [];
  for (let index = 0; index < SINGLE_APPENDS; index++) {
    const start = performance.now();
    writeSync(fd, bytes, 0, bytes.length, index * PAYLOAD_BYTES);
    fdatasyncSync(fd);
    micros.push((performance.now() - start) * 1000);
  }
  closeSync(fd);
  print("bare pwrite + fdatasync, 4 KiB", micros, "");
}

async function single(log: EmbeddedLog, what: string): Promise<void> {
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(2);
  const micros: number[] = [];
  const cpu = process.cpuUsage();
  for (let index = 0; index < SINGLE_APPENDS; index++) {
    const start = performance.now();
    await log.append({ position: log.tail() + 1, payload }, log.tail());
    micros.push((performance.now() - start) * 1000);
  }
  print(what, micros, `${cpuMicros(cpu, SINGLE_APPENDS)} µs CPU each`);
}

async function pipelined(log: EmbeddedLog): Promise<void> {
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(3);
  const micros: number[] = [];
  let next = log.tail() + 1;
  const last = log.tail() + PIPELINED_APPENDS;
  const appendSome = async (): Promise<void> => {
    while (next <= last) {
      const position = next++;
      const start = performance.now();
      await log.append({ position, payload }, position - 1);
      micros.push((performance.now() - start) * 1000);
    }
  };
  const cpu = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, appendSome));
  const perSecond = Math.round((PIPELINED_APPENDS / (performance.now() - start)) * 1000);
  print(`${IN_FLIGHT} in flight`, micros, `${perSecond}/s, ${cpuMicros(cpu, PIPELINED_APPENDS)} µs CPU each`);
}

async function reopen(dir: string): Promise<void> {
  const start = performance.now();
  const log = await EmbeddedLog.open({ dir });
  const opened = performance.now();
  let bytes = 0;
  for await (const { payload } of log.read(1)) bytes += payload.length;
  const read = performance.now();
  await log.close();
  const mebibytes = Math.round(bytes / 1024 / 1024);
  console.log(
    `open ${Math.round(opened - start)} ms, read ${mebibytes} MiB in ${Math.round(read - opened)} ms`,
  );
}

function cpuMicros(since: NodeJS.CpuUsage, count: number): string {
  const { user, system } = process.cpuUsage(since);
  return ((user + system) / count).toFixed(1);
}

function print(what: string, micros: number[], more: string): void {
  micros.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(micros[Math.floor(share * (micros.length - 1))] ?? 0);
  console.log(`${what.padEnd(32)} p50 ${at(0.5)} µs, p99 ${at(0.99)} µs, max ${at(1)} µs  ${more}`);
}
