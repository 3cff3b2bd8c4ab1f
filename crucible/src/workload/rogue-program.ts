/**
 * A handlers' process that lies: `rogue-program.ts PORT SEED`. It is discovered like an honest one and then answers each
 * attempt with one of the ways in which a peer can misbehave. Prints the port it got.
 */
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import {
  FrameDecoder,
  FrameWriter,
  MANIFEST_MEDIA_TYPE,
  MessageType,
  NATIVE_WIRE_PROTOCOL,
  type EndpointManifest,
} from "@holdfast/protocol";
import { seededRandom } from "@holdfast/server/parts";

import { between, oneOf } from "./random.ts";

const MESSAGE_TYPES = Object.values(MessageType);
const random = seededRandom(Number(process.argv[3] ?? 1));

const manifest: EndpointManifest = {
  wires: ["native"],
  sdk: "rogue/1",
  runtime: "rogue/1",
  services: [{ name: "rogue", kind: "service", handlers: [{ name: "go", kind: "plain" }] }],
};

type Misbehaviour = (socket: Socket, session: number) => void;

const output = { type: MessageType.Output, result: { kind: "void" } } as const;

function frames(write: (writer: FrameWriter) => void): Uint8Array {
  const writer = new FrameWriter();
  write(writer);
  return writer.take();
}

function noise(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, () => between(random, 0, 255));
}

const misbehaviours: readonly [Misbehaviour, ...Misbehaviour[]] = [
  // Bytes that are no frames.
  (socket) => socket.write(noise(between(random, 1, 4_096))),
  // A frame of a random type with a random body.
  (socket, session) =>
    socket.write(
      frames((writer) =>
        writer.append(oneOf(random, [0, ...MESSAGE_TYPES]), session, noise(between(random, 0, 64))),
      ),
    ),
  // An answer for somebody else's session.
  (socket, session) =>
    socket.write(
      frames((writer) => {
        for (let other = 1; other < 40; other++) {
          if (other === session) continue;
          writer.appendMessage(other, output);
          writer.appendMessage(other, { type: MessageType.End });
        }
      }),
    ),
  // Half of a frame, and gone.
  (socket, session) => {
    const whole = frames((writer) => writer.appendMessage(session, output));
    socket.end(whole.subarray(0, between(random, 1, whole.length - 1)));
  },
  // Silence, then gone.
  (socket) => setTimeout(() => socket.destroy(), between(random, 10, 500)),
  // A command twice, and an end before it.
  (socket, session) =>
    socket.write(
      frames((writer) => {
        writer.appendMessage(session, { type: MessageType.Run, completionId: 1, name: "step" });
        writer.appendMessage(session, { type: MessageType.Run, completionId: 1, name: "step" });
        writer.appendMessage(session, { type: MessageType.End });
        writer.appendMessage(session, output);
      }),
    ),
  // Results of steps that nobody took, very many of them.
  (socket, session) =>
    socket.write(
      frames((writer) => {
        for (let id = 1; id < 2_000; id++)
          writer.appendMessage(session, {
            type: MessageType.ProposeRunCompletion,
            completionId: id,
            result: { kind: "void" },
          });
      }),
    ),
];

const server = createServer((request, response) => {
  const isDiscovery = request.url === "/discover";
  response.writeHead(isDiscovery ? 200 : 404, { "content-type": MANIFEST_MEDIA_TYPE });
  response.end(isDiscovery ? JSON.stringify(manifest) : "<html>not here</html>");
});
server.on("upgrade", (_request, duplex, head) => {
  const socket = duplex as Socket;
  const decoder = new FrameDecoder();
  socket.on("error", () => socket.destroy()); // The engine has hung up on a liar.
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${NATIVE_WIRE_PROTOCOL}\r\n\r\n`,
  );
  const take = (chunk: Uint8Array): void => {
    for (const { type, session } of decoder.push(chunk))
      if (type === MessageType.Start && !socket.destroyed) oneOf(random, misbehaviours)(socket, session);
  };
  socket.on("data", take);
  if (head.length > 0) take(head);
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  console.log(`listening ${(server.address() as AddressInfo).port}`);
});
