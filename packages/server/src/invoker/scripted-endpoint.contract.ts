/** An endpoint that speaks the native wire by hand: it says what the test wants, when the test wants it. */
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import {
  decodeMessage,
  encodeMessage,
  FrameDecoder,
  FrameType,
  FrameWriter,
  MANIFEST_MEDIA_TYPE,
  MessageType,
  NATIVE_WIRE_PROTOCOL,
  type EndpointManifest,
  type Frame,
  type Message,
  type StartMessage,
} from "@holdfast/protocol";

export const scriptedManifest: EndpointManifest = {
  wires: ["native"],
  sdk: "scripted/1",
  runtime: "scripted/1",
  services: [
    {
      name: "script",
      kind: "service",
      handlers: [
        { name: "go", kind: "plain" },
        { name: "other", kind: "plain" },
      ],
    },
  ],
};

/** One session as the endpoint sees it. */
export class ScriptedSession {
  readonly number: number;
  readonly start: StartMessage;
  /** Everything behind Start, as it came. */
  readonly received: Frame[] = [];
  receivedBytes = 0;
  isClosed = false;
  readonly connection: ScriptedConnection;

  constructor(connection: ScriptedConnection, number: number, start: StartMessage) {
    this.connection = connection;
    this.number = number;
    this.start = start;
  }

  send(...messages: readonly Message[]): void {
    for (const message of messages) this.connection.writer.appendMessage(this.number, message);
    this.connection.flush();
  }

  /** Sends a body as it is under any type. */
  sendRaw(type: number, body: Uint8Array): void {
    this.connection.writer.append(type, this.number, body);
    this.connection.flush();
  }

  /** Ends the invocation with a text. */
  finish(text: string): void {
    const value = new TextEncoder().encode(JSON.stringify(text));
    this.send({ type: MessageType.Output, result: { kind: "value", value } }, { type: MessageType.End });
  }

  /** The messages behind Start, decoded. */
  messages(): Message[] {
    return this.received
      .filter(({ type }) => type < FrameType.Ping)
      .map(({ type, body }) => decodeMessage(type, body));
  }
}

export class ScriptedConnection {
  readonly socket: Socket;
  readonly writer = new FrameWriter();
  readonly sessions = new Map<number, ScriptedSession>();
  readonly #endpoint: ScriptedEndpoint;
  readonly #decoder = new FrameDecoder();
  isClosed = false;

  constructor(endpoint: ScriptedEndpoint, socket: Socket) {
    this.#endpoint = endpoint;
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {}); // "close" follows.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.isClosed = true;
    });
    socket.on("data", (chunk: Uint8Array) => this.receive(chunk));
  }

  receive(chunk: Uint8Array): void {
    for (const frame of this.#decoder.push(chunk)) this.#take({ ...frame, body: frame.body.slice() });
  }

  #take(frame: Frame): void {
    if (frame.session === 0) {
      if (frame.type === FrameType.Ping) {
        this.writer.appendPong(frame.body);
        this.flush();
      }
      return;
    }
    if (frame.type === MessageType.Start) {
      const start = decodeMessage(frame.type, frame.body) as StartMessage;
      const session = new ScriptedSession(this, frame.session, start);
      this.sessions.set(frame.session, session);
      this.#endpoint.begin(session);
      return;
    }
    const session = this.sessions.get(frame.session);
    if (session === undefined) return;
    session.received.push(frame);
    session.receivedBytes += frame.body.length;
    if (frame.type === FrameType.CloseSession) session.isClosed = true;
    if (session.messages().length === session.start.knownEntries) this.#endpoint.play(session);
  }

  flush(): void {
    if (this.writer.length > 0 && !this.isClosed) this.socket.write(this.writer.take());
  }
}

export class ScriptedEndpoint {
  readonly connections: ScriptedConnection[] = [];
  readonly sessions: ScriptedSession[] = [];
  /** Runs when a session has its whole journal. */
  onJournal: (session: ScriptedSession) => void = () => {};
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const isDiscovery = request.url === "/discover";
      response.writeHead(isDiscovery ? 200 : 404, { "content-type": MANIFEST_MEDIA_TYPE });
      response.end(isDiscovery ? JSON.stringify(scriptedManifest) : "");
    });
    this.#server.on("upgrade", (_request, socket, head) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${NATIVE_WIRE_PROTOCOL}\r\n\r\n`,
      );
      const connection = new ScriptedConnection(this, socket as Socket);
      this.connections.push(connection);
      if (head.length > 0) connection.receive(head);
    });
  }

  static async listen(): Promise<ScriptedEndpoint> {
    const endpoint = new ScriptedEndpoint();
    await new Promise<void>((resolve) => {
      endpoint.#server.listen(0, "127.0.0.1", resolve);
    });
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  begin(session: ScriptedSession): void {
    this.sessions.push(session);
  }

  play(session: ScriptedSession): void {
    this.onJournal(session);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

export const run = (completionId: number, name = "step"): Message => ({
  type: MessageType.Run,
  completionId,
  name,
});
export const proposal = (completionId: number, text = "result"): Message => ({
  type: MessageType.ProposeRunCompletion,
  completionId,
  result: { kind: "value", value: new TextEncoder().encode(JSON.stringify(text)) },
});
export const bodyOf = (message: Message): Uint8Array => encodeMessage(message);
