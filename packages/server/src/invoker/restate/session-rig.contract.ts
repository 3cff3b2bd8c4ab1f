/** A session over an exchange of which the test sees and decides everything. */
import assert from "node:assert/strict";

import type { JournalEntry } from "@holdfast/engine";
import {
  encodeMessage,
  MessageType,
  type Message,
  type SdkMessage,
  type StartMessage,
} from "@holdfast/protocol";

import type { SessionListener } from "../wire.ts";
import type { Exchange, ExchangeListener, ExchangeRequest, Transport } from "./exchange.ts";
import { ManualClock } from "./manual-clock.contract.ts";
import { sessionMediaType } from "./protocol-versions.ts";
import { RestateFrameReader, type RestateFrame } from "./restate-frame.ts";
import { RestateSession } from "./restate-session.ts";
import { frameOf } from "./scripted-restate.contract.ts";

const REQUEST: ExchangeRequest = { method: "POST", path: "/invoke/a/b", headers: {} };

/** An exchange of which the test sees and decides everything. */
export class FakeExchange implements Exchange {
  readonly log: string[] = [];
  readonly frames: RestateFrame[] = [];
  /** Chunks that are taken before it says "hold back". */
  room = Number.POSITIVE_INFINITY;
  listener!: ExchangeListener;
  readonly #reader = new RestateFrameReader(64 * 1024 * 1024);

  write(bytes: Uint8Array): boolean {
    this.log.push("write");
    this.#reader.push(bytes, (frame) => this.frames.push(frame));
    this.room -= 1;
    return this.room > 0;
  }

  end(): void {
    this.log.push("end");
  }

  pause(): void {
    this.log.push("pause");
  }

  resume(): void {
    this.log.push("resume");
  }

  cancel(): void {
    this.log.push("cancel");
  }

  types(): number[] {
    return this.frames.map(({ type }) => type);
  }
}

const start: StartMessage = {
  type: MessageType.Start,
  invocationId: "inv_1foAirY4KKzi4tTP0Tg6aeuiRBSQFCQt9k",
  knownEntries: 1,
  state: [],
  partialState: true,
  key: "",
  retryCount: 0,
  sinceLastEntryMs: 0,
  randomSeed: 1n,
  service: "a",
  handler: "b",
  attempt: 1,
  stepFailures: [],
  recordedOn: "",
  deployment: "",
};

export const entry = (message: Message): JournalEntry => ({
  type: message.type,
  body: encodeMessage(message),
  at: 0,
  attempt: 1,
  deployment: "",
  cause: "",
});
export const input: JournalEntry = entry({ type: MessageType.Input, headers: [], value: new Uint8Array(0) });
export const signal = (signalName: string): JournalEntry =>
  entry({ type: MessageType.Signal, signalName, result: { kind: "void" } });
export const slept = (completionId: number): JournalEntry =>
  entry({ type: MessageType.SleepCompletion, completionId, result: { kind: "void" } });

export class Heard implements SessionListener {
  readonly messages: SdkMessage[] = [];
  readonly bodies: Uint8Array[] = [];
  /** What each message counts for until it is consumed. */
  readonly bytes: number[] = [];
  lost: string | undefined;

  onMessage(message: SdkMessage, body: Uint8Array, bytes: number = body.length): void {
    this.messages.push(message);
    this.bodies.push(body);
    this.bytes.push(bytes);
  }

  onLost(code: string, reason: string): void {
    assert.equal(this.lost, undefined, "it is lost once");
    this.lost = `${code}: ${reason}`;
  }
}

export type SessionOptions = {
  readonly isRequestResponse?: boolean;
  /** Of the protocol. */
  readonly version?: number;
  readonly start?: Partial<StartMessage>;
};

export function open(journal: readonly JournalEntry[] = [input], options: SessionOptions = {}) {
  const { isRequestResponse = false, version = 6 } = options;
  const contentType = sessionMediaType(version);
  const clock = new ManualClock();
  const exchange = new FakeExchange();
  const heard = new Heard();
  const transport: Transport = {
    isReachable: true,
    close: () => {},
    open: (_request, listener) => {
      exchange.listener = listener;
      return exchange;
    },
  };
  const session = new RestateSession(
    {
      clock,
      transport,
      request: REQUEST,
      contentType,
      protocolVersion: version,
      isRequestResponse,
      messageBytesMax: 64 * 1024 * 1024,
    },
    { ...start, ...options.start, knownEntries: journal.length },
    journal,
    heard,
  );
  const say = (...messages: readonly Message[]): void => {
    for (const message of messages) exchange.listener.onData(frameOf(message.type, encodeMessage(message)));
  };
  const begin = (): void => {
    exchange.listener.onWritable();
    exchange.listener.onHead(200, { "content-type": contentType });
  };
  return { clock, exchange, heard, session, say, begin };
}

/** What is said in one turn goes out at its end. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
