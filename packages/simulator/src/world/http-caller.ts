/** A client's side of HTTP over a simulated connection: one request at a time, and the answer or the news that none will come. */
import type { Lifetime } from "./lifetime.ts";
import type { Network } from "./network.ts";
import type { SimSocket } from "./sim-socket.ts";

export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

export type HttpCall = {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How long the answer is waited for, ms. */
  readonly timeoutMs: number;
};

const HEAD_END = "\r\n\r\n";

/** @param told With the answer; or `undefined`, and then it is unknown whether the request was carried out. */
export function callHttp(
  network: Network,
  lifetime: Lifetime,
  address: string,
  call: HttpCall,
  told: (answer: HttpAnswer | undefined) => void,
): void {
  let isOver = false;
  const finish = (answer: HttpAnswer | undefined): void => {
    if (isOver) return;
    isOver = true;
    told(answer);
  };
  network.connect(address, lifetime, {
    failed: () => finish(undefined),
    opened: (socket) => {
      let received = Buffer.alloc(0);
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        const answer = parseAnswer(received);
        if (answer === undefined) return;
        finish(answer);
        socket.destroySoon();
      });
      socket.on("close", () => finish(undefined));
      lifetime.after(call.timeoutMs, () => {
        if (isOver) return;
        finish(undefined);
        socket.destroy();
      });
      send(socket, call);
    },
  });
}

function send(socket: SimSocket, { method, path, headers = {}, body }: HttpCall): void {
  const bytes = Buffer.from(body ?? "");
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "host: localhost",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : ["content-type: application/json"]),
    ...(method === "GET" ? [] : [`content-length: ${bytes.length}`]),
  ];
  socket.write(Buffer.concat([Buffer.from(lines.join("\r\n") + HEAD_END), bytes]));
}

/** `undefined` while there is more to come. */
function parseAnswer(received: Buffer): HttpAnswer | undefined {
  const end = received.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const [first = "", ...lines] = received.toString("latin1", 0, end).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const length = Number(headers["content-length"] ?? "0");
  const body = received.subarray(end + HEAD_END.length);
  if (body.length < length) return undefined;
  return { status: Number(first.split(" ")[1]), headers, body: body.subarray(0, length) };
}
