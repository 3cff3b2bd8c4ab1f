/** The other end of `control-server.ts`. */
import { request } from "node:http";

import { properties } from "../durable/schema.ts";

export interface ControlAnswer {
  readonly ok: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Sends a command and waits for its end, however long that takes. Fails when nobody listens. */
export function sendCommand(
  control: string,
  method: "GET" | "POST",
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const command = request(new URL(path, control), {
      method,
      headers: { "Content-Type": "application/json" },
    });
    command.once("error", reject);
    command.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.once("error", reject);
      response.once("end", () => {
        const { statusCode = 0 } = response;
        resolve({ ok: statusCode >= 200 && statusCode < 300, body: properties(JSON.parse(text)) });
      });
    });
    command.end(body === undefined ? "" : JSON.stringify(body));
  });
}
