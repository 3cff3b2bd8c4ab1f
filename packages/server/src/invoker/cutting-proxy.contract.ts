/** A TCP proxy that forwards to where it is told, and cuts a connection after as many bytes as it is told. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export type Direction = "to-handler" | "to-engine";

export class CuttingProxy {
  /** Bytes forwarded in each direction since the last `arm`. */
  readonly forwarded: Record<Direction, number> = { "to-handler": 0, "to-engine": 0 };
  cuts = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #targetPort: number;
  #cut: { readonly direction: Direction; readonly after: number } | undefined;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async listen(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** New connections go there. */
  retarget(port: number): void {
    this.#targetPort = port;
  }

  /** Cuts, once, the connection on which the byte with this number goes by. */
  arm(direction: Direction, after: number): void {
    this.forwarded["to-handler"] = 0;
    this.forwarded["to-engine"] = 0;
    this.#cut = { direction, after };
  }

  disarm(): void {
    this.#cut = undefined;
    this.forwarded["to-handler"] = 0;
    this.forwarded["to-engine"] = 0;
  }

  #accept(fromEngine: Socket): void {
    const toHandler = connect(this.#targetPort, "127.0.0.1");
    const pair = [fromEngine, toHandler] as const;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      fromEngine.destroy();
      toHandler.destroy();
    };
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
    fromEngine.on("data", (chunk: Uint8Array) => this.#forward("to-handler", chunk, toHandler, end));
    toHandler.on("data", (chunk: Uint8Array) => this.#forward("to-engine", chunk, fromEngine, end));
  }

  #forward(direction: Direction, chunk: Uint8Array, to: Socket, end: () => void): void {
    const before = this.forwarded[direction];
    this.forwarded[direction] += chunk.length;
    const cut = this.#cut;
    if (cut === undefined || cut.direction !== direction || this.forwarded[direction] < cut.after) {
      to.write(chunk);
      return;
    }
    this.#cut = undefined;
    this.cuts += 1;
    // What comes before the cut arrives; what comes behind it never does, in neither direction.
    to.write(chunk.subarray(0, cut.after - before), end);
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
