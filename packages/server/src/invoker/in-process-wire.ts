import type { JournalEntry } from "@holdfast/engine";
/** Handlers in the engine's own process: message objects, no socket. */
import {
  decodeMessage,
  encodeMessage,
  MessageType,
  type EngineMessage,
  type HandlerEndpoint,
  type SdkMessage,
  type StartMessage,
} from "@holdfast/protocol";

import type { Session, SessionListener, Wire } from "./wire.ts";

export class InProcessWire implements Wire {
  readonly #endpoint: HandlerEndpoint;
  readonly #messageBytesMax: number;
  readonly isReachable = true;

  constructor(endpoint: HandlerEndpoint, messageBytesMax: number) {
    this.#endpoint = endpoint;
    this.#messageBytesMax = messageBytesMax;
  }

  /** Nothing is gathered. */
  send(): void {}

  open(start: StartMessage, journal: readonly JournalEntry[], listener: SessionListener): Session {
    let isOver = false;
    const sdk = this.#endpoint.open(start, {
      receive: (message) => {
        if (isOver) return;
        const body = encodeMessage(message);
        if (body.length > this.#messageBytesMax) {
          isOver = true;
          sdk.abort("message too large");
          const reason = `A message of ${body.length} bytes is larger than the limit session.messageBytesMax (${this.#messageBytesMax})`;
          listener.onLost("message-too-large", reason, true);
          return;
        }
        // What the fold sees must be what a replay will read from the log: an object may say what its bytes cannot.
        listener.onMessage(decodeMessage(message.type, body) as SdkMessage, body);
      },
      closed: (reason) => {
        if (isOver) return;
        isOver = true;
        listener.onLost("connection-lost", reason, true);
      },
    });
    for (const entry of journal) sdk.receive(decode(entry));
    return {
      deliver: (entry) => sdk.receive(decode(entry)),
      ackRun: (completionId) => sdk.receive({ type: MessageType.RunAck, completionId }),
      requestSuspend: () => sdk.receive({ type: MessageType.SuspendRequest }),
      abort: (reason) => {
        isOver = true;
        sdk.abort(reason);
      },
      consumed: () => {},
    };
  }

  close(): void {}
}

function decode(entry: JournalEntry): EngineMessage {
  return decodeMessage(entry.type, entry.body) as EngineMessage;
}
