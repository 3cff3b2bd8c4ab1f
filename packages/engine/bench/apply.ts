/**
 * What a record costs: encoding it for the log and applying it, without log, disk and sessions.
 *
 *   node packages/engine/bench/apply.ts [seconds per case]
 */
import { encodeMessage, MessageType, type Message } from "@holdfast/protocol";

import { BinaryWriter } from "../src/codec/binary.ts";
import { encodeRecord } from "../src/codec/record-codec.ts";
import { defaultFoldSettings } from "../src/limits.ts";
import { Partition } from "../src/partition/apply.ts";
import type { RecordBody, SessionMessage } from "../src/record.ts";
import { Tables } from "../src/tables/tables.ts";
import { endpoint, object, service, workflow } from "../src/testing/handlers.ts";

/** Processor time and not the clock's: the machine may have other things to do. Includes the garbage collector's threads. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const SECONDS = Number(process.argv[2] ?? 3);
/** A checkpoint is taken when so many rows changed, as in the server. */
const DIRTY_ROWS = 20_000;
const VALUE = new TextEncoder().encode('{"ok":true,"items":[1,2,3]}');

class Bench {
  readonly #tables = new Tables({ get: () => undefined, scan: () => [] });
  readonly #partition = new Partition(this.#tables);
  readonly #writer = new BinaryWriter();
  #now = 1_000_000_000;
  #count = 0;
  records = 0;
  bytes = 0;
  rows = 0;
  checkpointUs = 0;

  constructor() {
    this.apply({ kind: "engine-started", epoch: 1, settings: defaultFoldSettings });
    this.apply({
      kind: "register-deployment",
      id: "dp_1abcdefghijklmnopqrstuv",
      url: "http://localhost:9080",
      manifest: endpoint([service("greeter", ["hello"]), object("cart", ["add"]), workflow("deploy", [])]),
      metadata: {},
      headers: {},
      force: false,
      breaking: false,
      dryRun: false,
    });
  }

  apply(body: RecordBody): void {
    const record = { at: this.#now, body };
    encodeRecord(this.#writer, record);
    this.records += 1;
    if (this.#writer.length > 65_536) this.bytes += this.#writer.take().length;
    this.#partition.apply(record);
  }

  send(id: string, ...messages: readonly Message[]): void {
    const sent: SessionMessage[] = messages.map((message) => ({
      type: message.type,
      body: encodeMessage(message),
      message,
    }));
    this.apply({ kind: "attempt-messages", id, attempt: 1, messages: sent, childIds: [] });
  }

  /** Begins an invocation and returns its id. */
  invoke(name: string, handler: string, kind: "plain" | "run" | "exclusive"): string {
    this.#count += 1;
    this.#now += 1;
    const id = `inv_1${String(this.#count).padStart(33, "a")}`;
    this.apply({
      kind: "invoke",
      id,
      target: { service: name, handler, key: kind === "plain" ? "" : `key-${this.#count}`, kind },
      input: encodeMessage({ type: MessageType.Input, headers: [], value: VALUE }),
      inputHash: this.#count,
      idempotencyKey: undefined,
      startAt: 0,
      source: { kind: "ingress", id: "" },
    });
    return id;
  }

  /** Takes a checkpoint when it is time, on a clock of its own. Its rows go nowhere. */
  checkpoint(): void {
    if (this.#tables.dirtyCount < DIRTY_ROWS) return;
    const began = cpuUs();
    this.#tables.freeze();
    while (!this.#tables.encodeFrozen(200)) continue;
    this.rows += this.#tables.frozenWrites().length;
    this.#tables.thaw();
    this.checkpointUs += cpuUs() - began;
  }
}

const OUTPUT = { type: MessageType.Output, result: { kind: "value", value: VALUE } } as const;
const END = { type: MessageType.End } as const;

function emptyCall(bench: Bench): void {
  const id = bench.invoke("greeter", "hello", "plain");
  bench.send(id, OUTPUT, END);
}

function exclusiveCall(bench: Bench): void {
  const id = bench.invoke("cart", "add", "exclusive");
  bench.send(id, { type: MessageType.SetState, key: "items", value: VALUE }, OUTPUT, END);
}

function tenSteps(bench: Bench): void {
  const id = bench.invoke("deploy", "run", "run");
  for (let completionId = 1; completionId <= 10; completionId++) {
    bench.send(id, { type: MessageType.Run, completionId, name: "build" });
    const result = { kind: "value", value: VALUE } as const;
    bench.send(id, { type: MessageType.ProposeRunCompletion, completionId, result });
  }
  bench.send(id, OUTPUT, END);
}

function measure(name: string, play: (bench: Bench) => void): void {
  const bench = new Bench();
  const run = (ms: number): number => {
    const began = performance.now();
    let plays = 0;
    while (performance.now() - began < ms) {
      for (let again = 0; again < 50; again++) play(bench);
      bench.checkpoint();
      plays += 50;
    }
    return plays;
  };
  run(500); // Lets the compiler settle.
  const { records, rows, checkpointUs } = bench;
  const began = cpuUs();
  const plays = run(SECONDS * 1_000);
  const inCheckpointsUs = bench.checkpointUs - checkpointUs;
  const us = cpuUs() - began - inCheckpointsUs;
  const [recordUs, playUs] = [us / (bench.records - records), us / plays];
  const rowUs = inCheckpointsUs / (bench.rows - rows);
  const parts = [
    `${recordUs.toFixed(2)} µs a record`,
    `${playUs.toFixed(1)} µs a call`,
    `${rowUs.toFixed(2)} µs a row in checkpoints`,
  ];
  console.log(`${name.padEnd(24)} ${parts.join(", ")}`);
}

measure("empty call", emptyCall);
measure("call of an object", exclusiveCall);
measure("workflow of ten steps", tenSteps);
