/**
 * A small HTTP port beside the handlers, the same for all contenders, over which the benchmark learns what handlers did:
 * answers alone would not show whether a one-way send was executed, nor how long a replay took.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Control {
  readonly port: number;
  /** Counts an execution under a name, and with a key also how many different keys were counted under that name. */
  count(name: string, key?: string): void;
  /** Notes a number under a name; the newest counts. */
  note(name: string, value: number | string): void;
}

export async function startControl(): Promise<Control> {
  const counts: Record<string, number> = {};
  const keys = new Map<string, Set<string>>();
  const notes: Record<string, number | string> = {};
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const distinct = Object.fromEntries([...keys].map(([name, seen]) => [name, seen.size]));
    response.end(JSON.stringify({ counts, distinct, notes }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    count: (name, key) => {
      counts[name] = (counts[name] ?? 0) + 1;
      if (key === undefined) return;
      const seen = keys.get(name);
      if (seen === undefined) keys.set(name, new Set([key]));
      else seen.add(key);
    },
    note: (name, value) => {
      notes[name] = value;
    },
  };
}
