/** A server that says to each connection whatever a test wants, in whatever protocol. */
import { createServer, type AddressInfo, type Socket } from "node:net";

export type RawTcpServer = {
  /** As of an HTTP server. */
  readonly url: string;
  /** Breaks what is connected, and listens no more. */
  readonly close: () => void;
};

export async function listenTcp(welcome: (socket: Socket) => void): Promise<RawTcpServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // "close" follows.
    welcome(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
