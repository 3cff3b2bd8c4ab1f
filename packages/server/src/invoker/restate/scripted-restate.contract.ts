/** An endpoint that speaks the Restate protocol by hand: it says what the test wants, when the test wants it. */
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from "node:http2";
import type { AddressInfo } from "node:net";

import { decodeMessage, encodeMessage, MessageType, type Message } from "@holdfast/protocol";

import {
  RESTATE_HEADER_BYTES,
  RestateFrameReader,
  writeRestateFrame,
  type RestateFrame,
} from "./restate-frame.ts";

export const scriptedServices = [
  { name: "script", ty: "SERVICE", handlers: [{ name: "go" }, { name: "other" }] },
  { name: "thing", ty: "VIRTUAL_OBJECT", handlers: [{ name: "go" }] },
];

export const scriptedRestateManifest: Readonly<Record<string, unknown>> = {
  protocolMode: "BIDI_STREAM",
  minProtocolVersion: 5,
  maxProtocolVersion: 7,
  services: scriptedServices,
};

export const MANIFEST_V4 = "application/vnd.restate.endpointmanifest.v4+json";

/** One attempt as the endpoint sees it. */
export class ScriptedAttempt {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** Everything that came, Start first. */
  readonly received: RestateFrame[] = [];
  receivedBytes = 0;
  /** The engine says nothing more. */
  hasEnded = false;
  /** With which code the stream was closed; `undefined` while it is open. */
  closedWith: number | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.stream = stream;
    this.headers = headers;
    const reader = new RestateFrameReader(64 * 1024 * 1024);
    stream.on("data", (chunk: Uint8Array) => {
      this.receivedBytes += chunk.length;
      reader.push(chunk, (frame) => this.received.push(frame));
    });
    stream.on("end", () => {
      this.hasEnded = true;
    });
    stream.on("error", () => {}); // "close" follows.
    stream.on("close", () => {
      this.closedWith = stream.rstCode;
    });
  }

  get handler(): string {
    return this.headers[":path"]?.split("/").at(-1) ?? "";
  }

  /** The beginning of a session, or whatever is given instead. */
  answer(status = 200, headers: Readonly<Record<string, string>> = {}): void {
    this.stream.respond({
      ":status": status,
      "content-type": String(this.headers["content-type"]),
      ...headers,
    });
  }

  send(...messages: readonly Message[]): void {
    this.sendBytes(Buffer.concat(messages.map((message) => frameOf(message.type, encodeMessage(message)))));
  }

  sendBytes(bytes: Uint8Array): void {
    if (!this.stream.destroyed) this.stream.write(bytes);
  }

  /** Ends the invocation with a text, as an SDK does: the response ends once the request has. */
  finish(text: string): void {
    const value = new TextEncoder().encode(JSON.stringify(text));
    this.send({ type: MessageType.Output, result: { kind: "value", value } }, { type: MessageType.End });
    if (this.hasEnded) this.stream.end();
    else this.stream.on("end", () => this.stream.end());
  }

  messages(): Message[] {
    return this.received.map(({ type, body }) => decodeMessage(type, body));
  }
}

export function frameOf(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RESTATE_HEADER_BYTES + body.length);
  writeRestateFrame(bytes, 0, type, body);
  return bytes;
}

export class ScriptedRestate {
  readonly attempts: ScriptedAttempt[] = [];
  readonly sessions = new Set<ServerHttp2Session>();
  connections = 0;
  manifest: Readonly<Record<string, unknown>> = scriptedRestateManifest;
  /** Runs when an attempt begins. */
  onAttempt: (attempt: ScriptedAttempt) => void = () => {};
  readonly #server: Http2Server;

  private constructor(settings: Settings) {
    this.#server = createServer({ settings });
    this.#server.on("session", (session: ServerHttp2Session) => {
      this.connections += 1;
      this.sessions.add(session);
      session.on("close", () => this.sessions.delete(session));
      session.on("error", () => {}); // "close" follows.
    });
    this.#server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      if (headers[":path"] === "/discover") {
        stream.respond({ ":status": 200, "content-type": MANIFEST_V4, "x-restate-server": "scripted/1" });
        stream.end(JSON.stringify(this.manifest));
        return;
      }
      const attempt = new ScriptedAttempt(stream, headers);
      this.attempts.push(attempt);
      this.onAttempt(attempt);
    });
  }

  static async listen(settings: Settings = {}): Promise<ScriptedRestate> {
    const endpoint = new ScriptedRestate(settings);
    await new Promise<void>((resolve) => {
      endpoint.#server.listen(0, "127.0.0.1", resolve);
    });
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const session of this.sessions) session.destroy();
    await closed;
  }
}
