import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { it } from "node:test";

import { FrameDecoder, FrameType, FrameWriter } from "@holdfast/protocol";

import type { ByteSocket } from "../byte-socket.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { NativeConnection } from "./native-connection.ts";

const PINGS = 5_000;
const PING_BYTES = 4_000;

it("a handler's process that pings without reading is owed one pong, for its newest ping", async () => {
  const written: Uint8Array[] = [];
  let isReading = false;
  const socket = Object.assign(new EventEmitter(), {
    setNoDelay: () => {},
    write: (bytes: Uint8Array) => {
      written.push(bytes);
      return isReading;
    },
    destroySoon: () => {},
  });
  const connection = new NativeConnection({
    clock: new VirtualClock(0),
    socket: socket as unknown as ByteSocket,
    messageBytesMax: 100_000,
    onGoAway: () => {},
    onClosed: () => {},
  });
  const ping = async (count: number): Promise<void> => {
    const writer = new FrameWriter();
    writer.appendPing(new Uint8Array(PING_BYTES).fill(count % 256));
    connection.receive(writer.take());
    await Promise.resolve();
  };
  await ping(0);
  assert.equal(written.length, 1, "what the socket takes in its buffer");
  for (let count = 1; count <= PINGS; count++) await ping(count);
  isReading = true;
  socket.emit("drain");
  await new Promise(setImmediate);
  const decoder = new FrameDecoder();
  const pongs = written.flatMap((bytes) => decoder.push(bytes).map(({ type, body }) => [type, body[0]]));
  assert.deepEqual(pongs, [
    [FrameType.Pong, 0],
    [FrameType.Pong, PINGS % 256],
  ]);
  await ping(7);
  await new Promise(setImmediate);
  assert.equal(written.length, 3, "each is answered again");
  connection.close("over");
});
