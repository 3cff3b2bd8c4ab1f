import assert from "node:assert/strict";
import { it } from "node:test";

import { FrameWriter, MessageType } from "@holdfast/protocol";

import { systemEnvironment } from "../replay/environment.ts";
import { NativeConnection } from "./native-connection.ts";
import { ProgramTable } from "./program-table.ts";

it("an engine that opens session after session and does not read loses the connection", async () => {
  let isDestroyed = false;
  const problems: string[] = [];
  const connection = new NativeConnection({
    pipe: {
      write: () => false,
      end: () => {},
      destroy: () => {
        isDestroyed = true;
      },
    },
    programs: new ProgramTable([]),
    environment: systemEnvironment(),
    frameBytesMax: 100_000,
    sessionsMax: 0,
    onProblem: (message) => problems.push(message),
  });
  let session = 0;
  const open = (count: number): void => {
    for (const last = session + count; session < last;) {
      const writer = new FrameWriter();
      writer.append(MessageType.Start, ++session, new Uint8Array(0));
      connection.receive(writer.take());
    }
  };
  open(1);
  await quiet();
  open(9_000);
  connection.resume();
  await quiet();
  open(9_000);
  assert.equal(isDestroyed, false, "what was opened before the engine read again does not count");
  open(2_000);
  assert.equal(isDestroyed, true);
  assert.match(problems.join("\n"), /10000 sessions .* without reading/);
});

async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}
