/** Somebody on the way between engine and handlers: sees every byte, and passes on what they like. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** What is passed on instead of a chunk. `count` is how many came before it in this direction on this connection. */
export type Tamper = (chunk: Buffer, count: number) => Uint8Array;

export type Tampering = { readonly toHandler?: Tamper; readonly toEngine?: Tamper };

export class TamperingProxy {
  /** Everything that engines sent, by connection. */
  readonly recorded: Buffer[][] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(targetPort: number, tampering: Tampering) {
    this.#server = createServer((fromEngine) => {
      const toHandler = connect(targetPort, "127.0.0.1");
      const sent: Buffer[] = [];
      this.recorded.push(sent);
      for (const socket of [fromEngine, toHandler]) {
        this.#sockets.add(socket);
        socket.on("error", () => {}); // "close" follows.
        socket.on("close", () => {
          fromEngine.destroy();
          toHandler.destroy();
        });
      }
      let count = 0;
      let answered = 0;
      fromEngine.on("data", (chunk: Buffer) => {
        sent.push(chunk);
        toHandler.write(tampering.toHandler?.(chunk, count++) ?? chunk);
      });
      toHandler.on("data", (chunk: Buffer) => {
        fromEngine.write(tampering.toEngine?.(chunk, answered++) ?? chunk);
      });
    });
  }

  static async listen(target: string, tampering: Tampering = {}): Promise<TamperingProxy> {
    const proxy = new TamperingProxy(Number(new URL(target).port), tampering);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
