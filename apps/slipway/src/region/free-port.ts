import { createServer, type AddressInfo } from "node:net";

/** Ports given out by this process and not given back. The system may offer one again before its user listens on it. */
const taken = new Set<number>();

/** A port that nobody listens on. Give it back with `returnPort`. */
export async function takeFreePort(): Promise<number> {
  for (;;) {
    const port = await anyPort();
    if (taken.has(port)) continue;
    taken.add(port);
    return port;
  }
}

export function returnPort(port: number): void {
  taken.delete(port);
}

function anyPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
