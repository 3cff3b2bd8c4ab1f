/** HTTP as bytes: for requests that no client library would send, and for answers as they stand on the wire. */
import { once } from "node:events";
import { connect } from "node:net";

export type RawAnswer = { readonly status: number; readonly head: string; readonly body: string };

/** Sends `bytes` and returns all that comes back until the server closes, or says nothing more for `quietMs`. */
export async function exchangeRaw(port: number, bytes: string | Uint8Array, quietMs = 100): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  // A server that refuses may close while there is still something to write.
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  const received: Buffer[] = [];
  await new Promise<void>((resolve) => {
    // Waits long for the first byte, and for no more than a moment after the last.
    let timer = setTimeout(resolve, 5_000);
    socket.on("data", (chunk) => {
      received.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(resolve, quietMs);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  socket.destroy();
  return Buffer.concat(received).toString("latin1");
}

/** The answers in what was received, in their order. Only for answers that say how long they are. */
export function answersIn(received: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = received;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    const head = end === -1 ? rest : rest.slice(0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (Number.isNaN(status)) throw new Error(`This is no answer: ${JSON.stringify(rest.slice(0, 200))}`);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    const bodyAt = head.length + 4;
    answers.push({ status, head, body: rest.slice(bodyAt, bodyAt + length) });
    rest = rest.slice(bodyAt + length);
  }
  return answers;
}
