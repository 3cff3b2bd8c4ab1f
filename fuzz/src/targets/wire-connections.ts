/**
 * Both ends of the native wire, with a peer that sends anything. An input is a list of what arrives: bytes as they are, or
 * frames with any type, session and body; with moments in between in which everything that was set in motion runs.
 */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";

import { FrameDecoder, FrameType, FrameWriter, type Message } from "@holdfast/protocol";
import { object, service } from "@holdfast/sdk";
import { definitionsIn, NativeConnection, ProgramTable, systemEnvironment } from "@holdfast/sdk/parts";
import { EngineConnection, type Clock } from "@holdfast/server/parts";

import { ByteSource, sized } from "../engine/byte-source.ts";
import { require, type Target } from "../engine/target.ts";
import { engineMessages, sampleBodies, sdkMessages, START } from "./sample-messages.ts";

const FRAME_BYTES_MAX = 64 * 1024;
const STEPS_MAX = 64;

const clock: Clock = {
  now: () => 0,
  elapsed: () => 0,
  after: () => () => {},
  soon: (run) => queueMicrotask(run),
};

type End = { receive(chunk: Uint8Array): void; close(): void };

/** What an end sends must be the native wire, whatever it was sent. */
class Output {
  readonly #decoder = new FrameDecoder();
  isEnded = false;

  write(bytes: Uint8Array): boolean {
    require(!this.isEnded, "bytes were sent after the end");
    this.#decoder.push(bytes);
    return true;
  }
}

const programs = new ProgramTable(
  definitionsIn([
    service("Echo", { echo: async (ctx, value: unknown) => ctx.run("step", () => Promise.resolve(value)) }),
    object("Counter", {
      add: async (ctx, amount: number) => {
        await ctx.sleep("1s");
        ctx.state.set("n", amount);
        return amount;
      },
    }),
  ]),
);

function sdkEnd(): End {
  const output = new Output();
  const connection = new NativeConnection({
    pipe: {
      write: (bytes) => output.write(bytes),
      end: () => (output.isEnded = true),
      destroy: () => (output.isEnded = true),
    },
    programs,
    environment: systemEnvironment({ log: () => {}, callSites: false }, { timers: { set: () => () => {} } }),
    frameBytesMax: FRAME_BYTES_MAX,
    sessionsMax: 4,
    onProblem: () => {},
  });
  return { receive: (chunk) => connection.receive(chunk), close: () => connection.close("over") };
}

function engineEnd(): End {
  const output = new Output();
  const socket = Object.assign(new EventEmitter(), {
    setNoDelay: () => {},
    write: (bytes: Uint8Array) => output.write(bytes),
    destroySoon: () => (output.isEnded = true),
  });
  const connection = new EngineConnection({
    clock,
    socket: socket as unknown as Socket,
    messageBytesMax: FRAME_BYTES_MAX,
    onGoAway: () => {},
    onClosed: () => {},
  });
  for (let session = 0; session < 3; session++) openSession(connection);
  return { receive: (chunk) => connection.receive(chunk), close: () => connection.close("over") };
}

/** Each session hears of its loss once, and of nothing after that. */
function openSession(connection: EngineConnection): void {
  let isLost = false;
  const session = connection.open(START, [{ ...entry, attempt: 0 }], {
    onMessage(message: Message, body) {
      require(!isLost, "a message came after the session was lost", message);
      session.consumed(body.length);
    },
    onLost(_code, reason) {
      require(!isLost, "a session was lost twice", reason);
      isLost = true;
    },
  });
  session.ackRun(1, { ...entry, attempt: 1 });
}

const input = sampleBodies.find(({ type }) => type === 0x0400) ?? { type: 0x0400, body: new Uint8Array(0) };
const entry = { ...input, at: 0, deployment: "", cause: "" };

async function run(bytes: Uint8Array): Promise<void> {
  const source = new ByteSource(bytes);
  const end = source.below(2) === 0 ? sdkEnd() : engineEnd();
  const writer = new FrameWriter();
  for (let steps = 0; steps < STEPS_MAX && !source.isEmpty; steps++) {
    const kind = source.byte();
    if (kind < 20) end.receive(source.bytes());
    else if (kind < 40) await settled();
    else if (kind < 140) {
      const sample = sampleBodies[kind % sampleBodies.length];
      writer.append(sample?.type ?? 0, source.below(4), sample?.body);
    } else writer.append(source.uint16(), source.below(4), source.bytes());
    const framed = writer.take();
    if (framed.length > 0) end.receive(framed);
  }
  await settled();
  end.close();
  await settled();
}

/** Microtasks, ticks and what they set in motion have run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const frames = (messages: readonly Message[]): Uint8Array => {
  const writer = new FrameWriter();
  for (const message of messages) writer.appendMessage(1, message);
  return writer.take();
};

/** The byte that stands for the sample of this index: from 40 on, in steps of how many there are. */
const sampleKind = (index: number): number =>
  sampleBodies.length * Math.ceil(40 / sampleBodies.length) + index;

const framed = (type: number, session: number, body: Uint8Array | string): Uint8Array =>
  Buffer.concat([Uint8Array.of(200, type & 0xff, type >> 8, session), sized(body)]);

export const wireConnections: Target = {
  name: "wire-connections",
  decodes: "the native connection's two ends",
  seeds: () => [
    Buffer.concat([Uint8Array.of(0, 0), sized(frames(engineMessages))]),
    Buffer.concat([Uint8Array.of(1, 0), sized(frames(sdkMessages))]),
    ...[0, 1].map((end) =>
      Uint8Array.of(end, ...sampleBodies.flatMap((_, index) => [sampleKind(index), 1, 20])),
    ),
    ...[0, 1].flatMap((end) => [
      Buffer.concat([
        Uint8Array.of(end),
        framed(FrameType.Ping, 0, "x"),
        framed(FrameType.Credit, 1, "\x08\xff\xff\x03"),
      ]),
      Buffer.concat([
        Uint8Array.of(end),
        framed(FrameType.CloseSession, 1, "\x0a\x01x"),
        framed(FrameType.GoAway, 0, ""),
      ]),
      Buffer.concat([Uint8Array.of(end), ...sampleBodies.map(({ type, body }) => framed(type, 1, body))]),
    ]),
  ],
  tokens: [
    "\x01\xfc",
    "\x02\xfc",
    "\x03\xfc",
    "\x04\xfc",
    "\x00\x00",
    "\x00\x04",
    "\x80\x80\x80\x80\x10",
    "\x08\x01",
    "\x72\x00",
  ],
  run,
};
