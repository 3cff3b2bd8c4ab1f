/** Settles awakeables over the ingress, from the process of the handlers, with the HTTP client of the load generator. */
import { HttpConnection, type Address } from "../http/connection.ts";
import { requestTemplate } from "../http/request-template.ts";

export interface Resolver {
  /** Sends the value for this awakeable. Does not wait for the answer; one that is no success ends the process. */
  resolve(id: string): void;
}

export function createResolver(ingress: Address): Resolver {
  const free: HttpConnection[] = [];

  async function settle(id: string): Promise<void> {
    const connection = free.pop() ?? (await HttpConnection.open(ingress));
    const shape = { method: "POST", path: `/restate/awakeables/${id}/resolve`, body: '"ok"' } as const;
    const request = requestTemplate(shape, ingress, 0)("");
    connection.send(request, {
      onResponse: ({ status, body }) => {
        free.push(connection);
        if (status < 200 || status > 299) throw new Error(`resolving answered ${status}: ${body.toString()}`);
      },
      onError: (error) => {
        throw error;
      },
    });
  }

  return { resolve: (id) => void settle(id) };
}
