import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Ports tried above the wanted one before any will do. */
const NEXT_PORTS_MAX = 20;

/** Listens on loopback: on the wanted port, else on one of the next that are free. Returns the port. */
export async function listenNear(server: Server, wantedPort: number): Promise<number> {
  const ports =
    wantedPort === 0 ? [0] : [...Array.from({ length: NEXT_PORTS_MAX }, (_, step) => wantedPort + step), 0];
  for (const port of ports) {
    const listening = await listen(server, port, "127.0.0.1");
    if (listening !== undefined) return listening;
  }
  throw new Error("No port of 127.0.0.1 can be listened on.");
}

/** Resolves with the port, or with `undefined` when somebody else has it. */
export function listen(server: Server, port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off("listening", onListening);
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(undefined);
      else reject(error);
    };
    const onListening = (): void => {
      server.off("error", onError);
      resolve((server.address() as AddressInfo).port);
    };
    server.once("error", onError);
    server.once("listening", onListening);
    server.listen(port, host);
  });
}
