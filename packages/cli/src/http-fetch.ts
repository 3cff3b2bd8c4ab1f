/**
 * `fetch` on node:http, as far as the client needs it. The global one gives up on an answer that takes five minutes, and a
 * call waits for its outcome as long as that takes; it also keeps connections, and with them the process, open.
 */
import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";

export const httpFetch: typeof fetch = async (input, init = {}) => {
  const url = new URL(input instanceof Request ? input.url : input);
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  const { method = "GET", headers, body, signal } = init;
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = send(url, {
      method,
      headers: Object.fromEntries(new Headers(headers)),
      agent: false,
      ...(signal === null || signal === undefined ? {} : { signal }),
    });
    request.on("error", (error) => reject(readable(error)));
    request.on("response", resolve);
    request.end(body);
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk as Uint8Array);
  const { statusCode: status = 0, rawHeaders } = message;
  return new Response(mayHaveBody(status) ? Buffer.concat(chunks) : null, {
    status,
    headers: pairs(rawHeaders),
  });
};

function mayHaveBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

function pairs(flat: readonly string[]): Array<[string, string]> {
  const result: Array<[string, string]> = [];
  for (let at = 0; at + 1 < flat.length; at += 2) result.push([flat[at] ?? "", flat[at + 1] ?? ""]);
  return result;
}

/** "localhost" has two addresses, and the error of trying both has no message of its own. */
function readable(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  const reasons = (error.errors as readonly Error[]).map(({ message }) => message);
  return new Error(reasons.join(", "), { cause: error });
}
