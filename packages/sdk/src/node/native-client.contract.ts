/** An engine's end of the native wire, as little of it as tests need. */
import { once } from "node:events";
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import {
  decodeMessage,
  encodeValue,
  FrameDecoder,
  FrameWriter,
  MessageType,
  NATIVE_WIRE_PATH,
  NATIVE_WIRE_PROTOCOL,
  type Frame,
  type Message,
  type StartMessage,
} from "@holdfast/protocol";

export class NativeClient {
  readonly frames: Frame[] = [];
  readonly socket: Duplex;
  readonly writer = new FrameWriter();
  readonly #decoder = new FrameDecoder();
  isClosed = false;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      for (const frame of this.#decoder.push(chunk)) this.frames.push({ ...frame, body: frame.body.slice() });
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
    socket.on("error", () => {}); // "close" follows.
  }

  static async dial(url: string): Promise<NativeClient> {
    const upgrade = upgradeRequest(url, NATIVE_WIRE_PROTOCOL);
    const [, socket, head] = (await once(upgrade, "upgrade")) as [IncomingMessage, Duplex, Uint8Array];
    const client = new NativeClient(socket);
    if (head.length > 0) socket.unshift(head);
    return client;
  }

  send(session: number, ...messages: readonly Message[]): void {
    for (const message of messages) this.writer.appendMessage(session, message);
    this.flush();
  }

  flush(): void {
    this.socket.write(this.writer.take());
  }

  /** Opens a session for a first attempt. */
  open(
    session: number,
    call: { readonly service: string; readonly handler: string; readonly input: unknown },
  ): void {
    this.send(session, startOf(call), {
      type: MessageType.Input,
      headers: [],
      value: encodeValue(call.input),
    });
  }

  /** The messages of a session so far. */
  messages(session: number): readonly Message[] {
    return this.frames
      .filter((frame) => frame.session === session && frame.type < 0xfc00)
      .map((frame) => decodeMessage(frame.type, frame.body));
  }

  frame(type: number): Frame | undefined {
    return this.frames.find((frame) => frame.type === type);
  }
}

export function upgradeRequest(url: string, protocol: string, path = NATIVE_WIRE_PATH): ClientRequest {
  const { hostname, port, pathname } = new URL(url);
  const headers = { connection: "Upgrade", upgrade: protocol };
  const upgrade = request({
    hostname,
    port,
    path: pathname.replace(/\/$/, "") + path,
    headers,
    agent: false,
  });
  upgrade.end();
  return upgrade;
}

function startOf({ service, handler }: { readonly service: string; readonly handler: string }): StartMessage {
  return {
    type: MessageType.Start,
    invocationId: "inv_1foAirY4KKzi4tTP0Tg6aeuiRBSQFCQt9k",
    knownEntries: 1,
    state: [],
    partialState: false,
    key: "",
    retryCount: 0,
    sinceLastEntryMs: 0,
    randomSeed: 1n,
    service,
    handler,
    attempt: 1,
    stepFailures: [],
    recordedOn: "",
    deployment: "dp_1",
  };
}

export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const PATIENCE_MS = 5_000;
