/** The store's thread: gathers the writes of a commit in one transaction and answers when it is durable. */
import { parentPort, workerData } from "node:worker_threads";

import type { PackedWrites } from "./packed-writes.ts";
import { asDamage, messageOf } from "./store-damage.ts";
import { StoreWriter } from "./store-writer.ts";
import { StoreCorruptError, type StoreDamageReport } from "./store.ts";

export type StoreRequest =
  | { readonly kind: "write"; readonly packed: PackedWrites }
  | { readonly kind: "commit"; readonly appliedPosition: number }
  /** Forgets the writes since the last commit; not answered. */
  | { readonly kind: "abandon" }
  | { readonly kind: "settle" }
  | { readonly kind: "close" };

/** One for each "commit" and each "settle", in their order. */
export type StoreReply =
  | { readonly kind: "committed" }
  /** With a report when the store is damaged. */
  | { readonly kind: "failed"; readonly message: string; readonly damage?: StoreDamageReport }
  | { readonly kind: "settled" };

export type StoreWorkerOptions = { readonly path: string; readonly fileBytesMax: number | undefined };

function main(options: StoreWorkerOptions): void {
  const port = parentPort;
  if (port === null) throw new Error("Cannot run the store's thread: this is not a worker");

  let writer: StoreWriter | undefined;
  /** Why the commit that is being gathered cannot succeed any more. */
  let failure: Extract<StoreReply, { kind: "failed" }> | undefined;

  const attempt = (step: (writer: StoreWriter) => void): void => {
    if (failure !== undefined) return;
    try {
      writer ??= new StoreWriter(options.path, options.fileBytesMax);
      step(writer);
    } catch (error) {
      failure = failureOf(error, options.path);
      writer?.rollback();
    }
  };

  port.on("message", (request: StoreRequest) => {
    switch (request.kind) {
      case "write":
        attempt((open) => open.write(request.packed));
        return;
      case "commit": {
        attempt((open) => open.commit(request.appliedPosition));
        const reply: StoreReply = failure ?? { kind: "committed" };
        failure = undefined;
        port.postMessage(reply);
        return;
      }
      case "abandon":
        failure = undefined;
        writer?.rollback();
        return;
      case "settle":
        attempt((open) => open.settle());
        // It did not have to happen now. The next commit tells if the disk is really in trouble.
        failure = undefined;
        port.postMessage({ kind: "settled" } satisfies StoreReply);
        return;
      case "close":
        writer?.close();
        port.close();
    }
  });
}

function failureOf(error: unknown, path: string): Extract<StoreReply, { kind: "failed" }> {
  const reason = asDamage(error, path, { table: "(pages)" });
  const message = messageOf(reason);
  return reason instanceof StoreCorruptError
    ? { kind: "failed", message, damage: reason.report }
    : { kind: "failed", message };
}

main(workerData as StoreWorkerOptions);
