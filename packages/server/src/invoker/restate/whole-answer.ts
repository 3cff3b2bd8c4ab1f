/** One request to an endpoint and its whole response, for what is no session. */
import type { IncomingHttpHeaders } from "node:http";

import type { Clock } from "../../clock.ts";
import type { Exchange, ExchangeRequest, Transport } from "./exchange.ts";

export type WholeAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
};

/** Its message says why. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly isTooLarge: boolean;

  constructor(reason: string, isTooLarge = false) {
    super(reason);
    this.isTooLarge = isTooLarge;
  }
}

export type AskOptions = {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly bytesMax: number;
};

/** Rejects with a NoAnswer. What the answer holds is for the caller to judge. */
export function askWhole(
  transport: Transport,
  request: ExchangeRequest,
  body: Uint8Array | undefined,
  { clock, timeoutMs, bytesMax }: AskOptions,
): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    let head: Omit<WholeAnswer, "body"> = { status: 0, headers: {} };
    let hasSent = false;
    let size = 0;
    const chunks: Uint8Array[] = [];
    const giveUp = (reason: NoAnswer): void => {
      stopWaiting();
      exchange.cancel();
      reject(reason);
    };
    const exchange: Exchange = transport.open(request, {
      onWritable: () => {
        if (hasSent) return;
        hasSent = true;
        if (body !== undefined && body.length > 0) exchange.write(body);
        exchange.end();
      },
      onHead: (status, headers) => {
        head = { status, headers };
      },
      onData: (chunk) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > bytesMax) giveUp(new NoAnswer(`its answer is larger than ${bytesMax} bytes`, true));
      },
      onEnd: () => {
        stopWaiting();
        resolve({ ...head, body: Buffer.concat(chunks) });
      },
      onBroken: (reason) => {
        stopWaiting();
        reject(new NoAnswer(reason));
      },
    });
    const stopWaiting = clock.after(timeoutMs, () =>
      giveUp(new NoAnswer(`no answer within ${timeoutMs} ms`)),
    );
  });
}
