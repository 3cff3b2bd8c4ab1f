/** Answers of an endpoint, or of what stands before it, that are no session: what to say about them, and when to try again. */
import type { IncomingHttpHeaders } from "node:http";

import type { LossCode, NextTry } from "../wire.ts";

/** Waits that an endpoint asks for count for nothing, so without one of them it would be asked again and again at once. */
const RETRY_AFTER_MS_MIN = 100;
/** Nobody is kept waiting for longer, whatever the endpoint asks for. */
const RETRY_AFTER_MS_MAX: number = 24 * 60 * 60 * 1_000;

export type Refusal = { readonly code: LossCode; readonly reason: string; readonly next: NextTry };

/** `undefined` for the beginning of a session. Of what the answer says, only its status and media type are repeated. */
export function refusalOf(
  status: number,
  headers: IncomingHttpHeaders,
  expectedType: string,
  nowMs: number,
): Refusal | undefined {
  const counted = { isCounted: true };
  if (status === 200) {
    const type = headers["content-type"];
    if (type === expectedType) return undefined;
    const shown = mediaType(type);
    return refuse(`The endpoint answered 200 with ${shown} instead of ${expectedType}`, counted);
  }
  switch (status) {
    case 429:
    case 503: {
      const delayMs = retryAfterMs(headers["retry-after"], nowMs);
      return refuse(
        `The endpoint answered ${status}: it is overloaded or not ready`,
        delayMs === undefined ? counted : { ...counted, delayMs },
      );
    }
    case 502:
    case 504:
      return refuse(`A gateway answered ${status}: the endpoint behind it cannot be reached`, counted);
    case 401:
    case 403:
      return refuse(
        `The endpoint answered ${status}: it runs handlers only for engines whose identity key it was given; \`holdfast version --server\` shows this one's`,
        counted,
      );
    case 404:
      return refuse(
        "The endpoint answered 404: it does not serve this handler, or not at this path",
        counted,
      );
    case 413:
      return refuse("The endpoint answered 413: what it was sent is larger than it takes", counted);
    case 415:
      // Not the handler's doing: its own count of failures stays as it is.
      return refuse(
        "The endpoint answered 415: its SDK does not speak the version of the protocol that it was registered with; register it again",
        { isCounted: false },
      );
    default:
      if (status >= 300 && status < 400)
        return refuse(`The endpoint answered ${status}: redirects are not followed`, counted);
      return refuse(`The endpoint answered ${status} instead of running the handler`, counted);
  }
}

function refuse(reason: string, next: NextTry): Refusal {
  return { code: "endpoint-refused", reason, next };
}

/** Seconds, or a date that lies ahead. `undefined` for everything else. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const ms = /^[0-9]{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  // A date that cannot be read is NaN, which is not greater either.
  if (!(ms > 0 || text === "0")) return undefined;
  return Math.max(RETRY_AFTER_MS_MIN, Math.min(Math.ceil(ms), RETRY_AFTER_MS_MAX));
}

/** A header can carry anything, so only the two words of a media type are repeated. */
export function mediaType(type: string | undefined): string {
  return /^[a-z]{1,20}\/[a-z0-9.+-]{1,80}(?=\s*(?:;|$))/i.exec(type ?? "")?.[0] ?? "no content type";
}
