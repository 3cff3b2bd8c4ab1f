/** Settles awakeables over the ingress, from the process of the handlers, with the HTTP client of the load generator. */
import { HttpConnection, type Address } from "../http/connection.ts";
import { requestTemplate } from "../http/request-template.ts";

/** A connection may be closed at the other end while a request is on its way. Settling twice changes nothing. */
const TRIES = 3;

export interface Resolver {
  /** Sends the value for this awakeable. Does not wait for the answer; one that is no success ends the process. */
  resolve(id: string): void;
}

export function createResolver(ingress: Address): Resolver {
  const free: HttpConnection[] = [];

  /** One that was free for long may have been closed at the other end. */
  function freeConnection(): HttpConnection | undefined {
    for (let connection = free.pop(); connection !== undefined; connection = free.pop())
      if (connection.isOpen) return connection;
    return undefined;
  }

  async function settle(id: string, tries = TRIES): Promise<void> {
    const connection = freeConnection() ?? (await HttpConnection.open(ingress));
    const shape = { method: "POST", path: `/restate/awakeables/${id}/resolve`, body: '"ok"' } as const;
    const request = requestTemplate(shape, ingress, 0)("");
    connection.send(request, {
      onResponse: ({ status, body }) => {
        free.push(connection);
        if (status < 200 || status > 299) throw new Error(`resolving answered ${status}: ${body.toString()}`);
      },
      onError: (error) => {
        if (tries === 1) throw error;
        void settle(id, tries - 1); // What it throws ends the process, as it should.
      },
    });
  }

  return { resolve: (id) => void settle(id) };
}
