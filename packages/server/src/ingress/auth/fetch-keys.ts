/** Gets the key set from its address: bounded in size and time, without redirects and without a proxy of the environment. */
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";

const BYTES_MAX = 256 * 1024;
const TIMEOUT_MS = 5_000;

/** Rejects with an error that says why, without anything of what was answered. */
export function fetchJson(url: URL): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const get = url.protocol === "https:" ? getHttps : getHttp;
    const options = {
      agent: false,
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    const request = get(url, options, (response) => {
      if (response.statusCode !== 200) {
        response.destroy();
        reject(new Error(`${url.host} answered ${response.statusCode}`));
        return;
      }
      const chunks: Uint8Array[] = [];
      let size = 0;
      response.on("data", (chunk: Uint8Array) => {
        size += chunk.length;
        if (size > BYTES_MAX) response.destroy(new Error(`it is larger than ${BYTES_MAX} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        } catch {
          reject(new Error("it is no JSON"));
        }
      });
    });
    request.on("error", (error) =>
      reject(error.name === "TimeoutError" ? new Error(`no answer within ${TIMEOUT_MS} ms`) : error),
    );
  });
}
