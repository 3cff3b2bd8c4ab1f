/** The handler that a call is addressed to. */
import type { HandlerRef } from "@holdfast/protocol";

import { usageError } from "../cli-error.ts";

export const TARGET_HELP = "service/handler, or service/key/handler for objects and workflows";

export type CallTarget = {
  readonly ref: HandlerRef<readonly unknown[], unknown>;
  /** What `call` and `send` of the client take behind the reference: the key, where there is one. */
  readonly keyArgs: readonly string[];
  /** As it was written. */
  readonly text: string;
};

/** A key may hold slashes: service and handler are the first and the last part. */
export function callTarget(text: string, keyOption: string | undefined): CallTarget {
  const parts = text.split("/");
  const [service = ""] = parts;
  const handler = parts.at(-1) ?? "";
  if (parts.length < 2 || service === "" || handler === "") {
    throw usageError(`"${text}" addresses no handler`, { hint: `Write ${TARGET_HELP}.` });
  }
  if (keyOption !== undefined && parts.length > 2) {
    throw usageError(`The address "${text}" holds a key already, and --key gives another`, {
      hint: "With --key, write service/handler.",
    });
  }
  const key = keyOption ?? (parts.length > 2 ? parts.slice(1, -1).join("/") : undefined);
  // What kind of handler it is, the server knows; the client needs to know only whether a key belongs to the address.
  const kind = key === undefined ? "plain" : "exclusive";
  const ref = { service, handler, kind } as HandlerRef<readonly unknown[], unknown>;
  return { ref, keyArgs: key === undefined ? [] : [key], text };
}
