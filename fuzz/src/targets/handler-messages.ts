/**
 * What a handler may send to the engine, through the fold. A deployment is not trusted: no message of it may make a record
 * that cannot be written, or throw within the fold. The engine takes either for a defect of its own, and stops.
 */
import {
  BinaryWriter,
  checkTables,
  encodeRecord,
  Partition,
  Tables,
  type RecordBody,
  type SessionMessage,
} from "@holdfast/engine";
import {
  decodeMessage,
  encodeMessage,
  formatInvocationId,
  MessageType,
  ProtocolError,
} from "@holdfast/protocol";

import { ByteSource, sized } from "../engine/byte-source.ts";
import { refusedOr, require, type Target } from "../engine/target.ts";
import { sampleBodies, sdkMessages } from "./sample-messages.ts";

const NOW = 1_893_456_000_000;
const MESSAGES_MAX = 48;
const ID = idNumber(1);
const services = [
  { name: "Echo", kind: "service", handlers: [{ name: "echo", kind: "plain" }] },
  { name: "Counter", kind: "object", handlers: [{ name: "add", kind: "exclusive" }] },
  {
    name: "Deploy",
    kind: "workflow",
    handlers: [
      { name: "run", kind: "run", promises: { ok: true } },
      { name: "status", kind: "shared" },
    ],
  },
] as const;
const targets = [
  { service: "Echo", handler: "echo", key: "", kind: "plain" },
  { service: "Counter", handler: "add", key: "k", kind: "exclusive" },
  { service: "Deploy", handler: "run", key: "k", kind: "run" },
] as const;

function idNumber(number: number): string {
  const raw = new Uint8Array(24);
  new DataView(raw.buffer).setUint32(20, number);
  return formatInvocationId(raw);
}

/** One engine in memory. */
class World {
  readonly tables = new Tables({ get: () => undefined, scan: () => [] });
  readonly #partition = new Partition(this.tables);
  readonly #writer = new BinaryWriter();
  #lastId = 1;

  constructor(target: (typeof targets)[number]) {
    const manifest = { wires: ["native"], sdk: "x/1", runtime: "node/24.1.0", services } as const;
    const flags = { force: false, breaking: false, dryRun: false };
    this.apply({
      kind: "register-deployment",
      id: "dp_1",
      url: "http://a",
      manifest,
      metadata: {},
      headers: {},
      ...flags,
    });
    const source = { kind: "ingress", id: "" } as const;
    const input = encodeMessage({ type: MessageType.Input, headers: [], value: new Uint8Array(0) });
    this.apply({
      kind: "invoke",
      id: ID,
      target,
      input,
      inputHash: 0,
      idempotencyKey: undefined,
      startAt: 0,
      source,
    });
  }

  apply(body: RecordBody): void {
    this.#partition.apply({ at: NOW, body });
    encodeRecord(this.#writer, { at: NOW, body });
  }

  /** As the invoker hands over what an attempt sent. */
  send(messages: readonly SessionMessage[]): void {
    const childIds = messages.flatMap(({ message }) => this.#childIds(message));
    const attempt = this.tables.invocations.get(ID)?.attempt ?? 0;
    this.apply({ kind: "attempt-messages", id: ID, attempt, messages, childIds });
  }

  #childIds(message: SessionMessage["message"]): readonly string[] {
    switch (message?.type) {
      case MessageType.Call:
      case MessageType.OneWayCall:
        return [idNumber(++this.#lastId)];
      case MessageType.AttachInvocation:
      case MessageType.GetInvocationOutput:
        return [message.target.kind === "invocation" ? message.target.id : idNumber(2)];
      default:
        return [];
    }
  }

  fireTimers(): void {
    const keys = [...this.tables.timers.loaded()].flatMap(([key, row]) => (row === undefined ? [] : [key]));
    if (keys.length > 0) this.apply({ kind: "timers-fired", keys });
  }
}

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const world = new World(targets[source.below(targets.length)] ?? targets[0]);
  const messages: SessionMessage[] = [];
  for (let left = MESSAGES_MAX; left > 0 && !source.isEmpty; left--) {
    const kind = source.byte();
    if (kind < 16) world.send(messages.splice(0));
    else if (kind < 24) world.fireTimers();
    else {
      const sample = kind < 160 ? sampleBodies[kind % sampleBodies.length] : undefined;
      const { type, body } = sample ?? { type: source.uint16(), body: source.bytes() };
      const message = refusedOr([ProtocolError], () => decodeMessage(type, body));
      // The connection ends the session of one that cannot be read.
      if (message !== undefined) messages.push({ type, body, message });
    }
  }
  world.send(messages);
  const { problems } = checkTables(world.tables);
  require(problems.length === 0, "tables that do not fit together", problems);
  world.tables.freeze();
  while (!world.tables.encodeFrozen(1_000));
}

const framed = (type: number, body: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(200, type & 0xff, type >> 8), sized(body)]);

export const handlerMessages: Target = {
  name: "handler-messages",
  decodes: "messages of a handler, by the fold that applies them",
  seeds: () => [
    ...sdkMessages.map((message) =>
      Buffer.concat([Uint8Array.of(0), framed(message.type, encodeMessage(message))]),
    ),
    ...[0, 1, 2].map((target) =>
      Buffer.concat([
        Uint8Array.of(target),
        ...sdkMessages
          .slice(0, -3)
          .flatMap((message) => [framed(message.type, encodeMessage(message)), Uint8Array.of(0)]),
        Uint8Array.of(16, 0),
      ]),
    ),
  ],
  tokens: [
    [
      "\xff\xff\xff\xff\xff\xff\xff\x0f",
      "\xff\xff\xff\xff\x0f",
      "\x0d\x04",
      "\x0e\x04",
      "\x10\x04",
      "\x12\x04",
      "\x40\x04",
      "\x0c\x04",
    ],
    ["Echo", "echo", "Counter", "add", "Deploy", "status", "ok", ID, idNumber(2)],
  ].flat(),
  run,
};
