import assert from "node:assert/strict";
import { it } from "node:test";

import { FrameDecoder, FrameType, FrameWriter } from "@holdfast/protocol";

import { systemEnvironment } from "../replay/environment.ts";
import { NativeConnection } from "./native-connection.ts";
import { ProgramTable } from "./program-table.ts";

const PINGS = 5_000;
const PING_BYTES = 4_000;

it("an engine that pings without reading is owed one pong, for its newest ping", async () => {
  const written: Uint8Array[] = [];
  let isReading = false;
  const connection = new NativeConnection({
    pipe: {
      write: (bytes) => {
        written.push(bytes);
        return isReading;
      },
      end: () => {},
      destroy: () => {},
    },
    programs: new ProgramTable([]),
    environment: systemEnvironment(),
    frameBytesMax: 100_000,
    sessionsMax: 4,
    onProblem: assert.fail,
  });
  const ping = (count: number): void => {
    const writer = new FrameWriter();
    writer.appendPing(new Uint8Array(PING_BYTES).fill(count % 256));
    connection.receive(writer.take());
  };
  ping(0);
  await quiet();
  assert.equal(written.length, 1, "what the pipe takes in its buffer");
  for (let count = 1; count <= PINGS; count++) ping(count);
  await quiet();
  isReading = true;
  connection.resume();
  await quiet();
  const decoder = new FrameDecoder();
  const pongs = written.flatMap((bytes) => decoder.push(bytes).map(({ type, body }) => [type, body[0]]));
  assert.deepEqual(pongs, [
    [FrameType.Pong, 0],
    [FrameType.Pong, PINGS % 256],
  ]);
  ping(7);
  await quiet();
  assert.equal(written.length, 3, "each is answered again");
  connection.close("over");
});

async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}
