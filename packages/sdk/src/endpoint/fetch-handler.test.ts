import assert from "node:assert/strict";
import { test } from "node:test";

import {
  decodeMessage,
  decodeValue,
  encodeValue,
  FrameDecoder,
  FrameWriter,
  MessageType,
  type JournalMessage,
  type Message,
  type StartMessage,
} from "@holdfast/protocol";

import { service } from "../definition/service.ts";
import { fetchHandler } from "./fetch-handler.ts";

const tested = service("tested", {
  run: async (ctx, text: string) => {
    const first = await ctx.run("first", async () => `${text}!`);
    const both = await Promise.all([ctx.run("second", () => 2), ctx.run("third", () => 3)]);
    return [first, both];
  },
});
const handle = fetchHandler([tested], { basePath: "/api" });

/** One request; the messages of its response. */
async function invoke(journal: readonly JournalMessage[]): Promise<readonly Message[]> {
  const writer = new FrameWriter();
  const start: StartMessage = {
    type: MessageType.Start,
    invocationId: "inv_1foAirY4KKzi4tTP0Tg6aeuiRBSQFCQt9k",
    knownEntries: journal.length,
    state: [],
    partialState: true,
    key: "",
    retryCount: 0,
    sinceLastEntryMs: 0,
    randomSeed: 1n,
    service: "tested",
    handler: "run",
    attempt: 1,
    stepFailures: [],
    recordedOn: "",
    deployment: "dp_1",
  };
  for (const message of [start, ...journal]) writer.appendMessage(1, message);
  const body = writer.take() as Uint8Array<ArrayBuffer>;
  const response = await handle(new Request("http://edge/api/invoke/tested/run", { method: "POST", body }));
  assert.equal(response.status, 200);
  const frames = new FrameDecoder().push(new Uint8Array(await response.arrayBuffer()));
  return frames.map((frame) => decodeMessage(frame.type, frame.body));
}

test("an invocation is a row of requests, each of which goes on where the journal ends", async () => {
  const journal: JournalMessage[] = [{ type: MessageType.Input, headers: [], value: encodeValue("hi") }];
  const ends: number[] = [];
  for (let requests = 0; requests < 9; requests++) {
    const messages = await invoke(journal);
    for (const message of messages) {
      if (message.type === MessageType.ProposeRunCompletion) {
        const { completionId, result } = message;
        journal.push({ type: MessageType.RunCompletion, completionId, result });
      } else if (message.type >= MessageType.Input) journal.push(message as JournalMessage);
    }
    ends.push(messages.at(-1)?.type ?? -1);
    if (ends.at(-1) === MessageType.End) break;
  }
  assert.deepEqual(ends, [MessageType.Suspension, MessageType.Suspension, MessageType.End]);
  const output = journal.at(-1);
  assert.ok(output?.type === MessageType.Output && output.result.kind === "value");
  assert.deepEqual(decodeValue(output.result.value), ["hi!", [2, 3]]);
});

test("discovery, health, and what is not there", async () => {
  const get = (path: string): Promise<Response> => handle(new Request(`http://edge${path}`));
  const manifest = (await (await get("/api/discover")).json()) as { wires: unknown };
  assert.deepEqual(manifest.wires, ["request-response"]);
  assert.equal((await get("/api/health")).status, 200);
  assert.equal((await get("/discover")).status, 404);
});

test("a body that holds no session is refused", async () => {
  const post = (body: Uint8Array<ArrayBuffer>): Promise<Response> =>
    handle(new Request("http://edge/api/invoke/tested/run", { method: "POST", body }));
  assert.equal((await post(new Uint8Array(0))).status, 400);
  assert.equal((await post(new Uint8Array(40))).status, 400);
});
