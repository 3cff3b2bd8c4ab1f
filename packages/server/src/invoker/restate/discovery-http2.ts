/** `GET /discover` over HTTP/2. */
import { systemClock } from "../../clock.ts";
import { unreachable } from "../discovery-errors.ts";
import {
  DISCOVERY_TIMEOUT_MS,
  discoveryPath,
  MANIFEST_BYTES_MAX,
  tooLarge,
  type DiscoveryAnswer,
  type DiscoveryRequest,
} from "../discovery-request.ts";
import { authorityOf } from "../request-signer.ts";
import type { Exchange } from "./exchange.ts";
import { Http2Transport } from "./http2-transport.ts";

/** Rejects with a HoldfastError when there is no answer. Leaves no connection behind. */
export async function askOverHttp2(asked: DiscoveryRequest): Promise<DiscoveryAnswer> {
  const { base, addresses, url } = asked;
  const transport = new Http2Transport({ clock: systemClock, base, addresses });
  const overdue = Promise.withResolvers<never>();
  const stopWaiting = systemClock.after(DISCOVERY_TIMEOUT_MS, () =>
    overdue.reject(unreachable(url, `no answer within ${DISCOVERY_TIMEOUT_MS} ms`)),
  );
  try {
    return await Promise.race([answerOf(transport, asked), overdue.promise]);
  } finally {
    stopWaiting();
    transport.close();
  }
}

function answerOf(
  transport: Http2Transport,
  { url, base, headers }: DiscoveryRequest,
): Promise<DiscoveryAnswer> {
  return new Promise((resolve, reject) => {
    let head = { status: 0, type: "", server: "" };
    const chunks: Uint8Array[] = [];
    let size = 0;
    const exchange: Exchange = transport.open(
      {
        method: "GET",
        path: discoveryPath(base),
        headers: { ...headers, host: authorityOf(base, headers) },
      },
      {
        onWritable: () => exchange.end(),
        onHead: (status, { "content-type": type = "", "x-restate-server": server }) => {
          head = { status, type, server: typeof server === "string" ? server : "" };
        },
        onData: (chunk) => {
          size += chunk.length;
          chunks.push(chunk);
          if (size <= MANIFEST_BYTES_MAX) return;
          exchange.cancel();
          reject(tooLarge(url));
        },
        onEnd: () => resolve({ ...head, text: Buffer.concat(chunks).toString("utf8"), http: "2" }),
        onBroken: (reason) => reject(unreachable(url, reason)),
      },
    );
  });
}
