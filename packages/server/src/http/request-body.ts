/** Collects the body of a request, up to a limit. */
import type { IncomingMessage } from "node:http";

import { HoldfastError } from "@holdfast/protocol";

import type { HttpRequest } from "./exchange.ts";
import { roomOf, type ReceiveBudget } from "./receive-budget.ts";

export type BodyLimit = {
  readonly bytesMax: number;
  /** Name of the setting, for the error. */
  readonly name: string;
  /** For what arrives of it. */
  readonly budget: ReceiveBudget;
};

const EMPTY = new Uint8Array(0);
/** How long a body that was refused may go on arriving, so that the client gets to read the answer. */
const LINGER_MS = 2_000;

/**
 * Calls exactly one of `done` and `failed`, or none when the client hangs up first. Either may be called synchronously. The
 * body is to be used within the call.
 */
export function readBody(
  req: HttpRequest,
  limit: BodyLimit,
  done: (body: Uint8Array) => void,
  failed: (error: HoldfastError) => void,
): void {
  const { headers } = req;
  const length = headers["content-length"];
  if (headers["transfer-encoding"] === undefined && (length === undefined || length === "0")) {
    done(EMPTY);
    return;
  }
  if (length !== undefined && Number(length) > limit.bytesMax) {
    failed(bodyTooLarge(limit));
    discardRest(req);
    return;
  }
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    failed(encodingUnsupported(encoding));
    discardRest(req);
    return;
  }
  if ("body" in req) done(req.body);
  else collect(req, limit, done, failed);
}

function collect(
  req: IncomingMessage,
  limit: BodyLimit,
  done: (body: Uint8Array) => void,
  failed: (error: HoldfastError) => void,
): void {
  let first: Uint8Array | undefined;
  let rest: Uint8Array[] | undefined;
  let size = 0;
  /** What the chunks took of the budget. */
  let kept = 0;
  let isRefused = false;
  const giveUp = (error?: HoldfastError): void => {
    limit.budget.giveBack(kept);
    kept = 0;
    first = undefined;
    rest = undefined;
    if (error === undefined) return;
    isRefused = true;
    failed(error);
    discardRest(req);
  };
  req.on("data", (chunk: Uint8Array) => {
    if (isRefused) return;
    const room = roomOf(chunk);
    if (size + chunk.length > limit.bytesMax) giveUp(bodyTooLarge(limit));
    else if (!limit.budget.take(room)) giveUp(limit.budget.refusal());
    else {
      size += chunk.length;
      kept += room;
      if (first === undefined) first = chunk;
      else (rest ??= [first]).push(chunk);
    }
  });
  req.on("end", () => {
    if (isRefused) return;
    const body = rest === undefined ? (first ?? EMPTY) : Buffer.concat(rest, size);
    giveUp();
    done(body);
  });
  // Gone before the end. After it, nothing is held.
  req.on("close", () => giveUp());
}

/** Lets the client finish sending for a moment; one that keeps on loses its connection. */
function discardRest(req: HttpRequest): void {
  if ("body" in req) return; // All of it has come.
  req.resume();
  const timer = setTimeout(() => {
    if (!req.complete) req.destroy();
  }, LINGER_MS);
  timer.unref();
  req.once("close", () => {
    clearTimeout(timer);
  });
}

function bodyTooLarge(limit: BodyLimit): HoldfastError {
  return new HoldfastError("body-too-large", { limit: limit.bytesMax, name: limit.name });
}

function encodingUnsupported(encoding: string): HoldfastError {
  return new HoldfastError(
    "media-type-unsupported",
    { contentEncoding: encoding },
    {
      message: `A body with content encoding "${encoding}" is not accepted`,
      hint: "Send the body without compression.",
    },
  );
}
