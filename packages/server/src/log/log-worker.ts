/** The log's thread: takes what has arrived, writes it, syncs it, answers; in between prepares and seals. */
import { randomBytes } from "node:crypto";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { crc32 } from "node:zlib";

import { NONCE_BYTES } from "./frame.ts";
import { LogWriter } from "./log-writer.ts";
import { NodeDisk } from "./node-disk.ts";
import { describeFailure, WriterHost, type WriterReply, type WriterRequest } from "./writer-host.ts";
import type { WorkerOptions } from "./writer-link.ts";

/** Long enough not to seal between the steps of one handler, short enough that the window without a witness is small. */
const SEAL_AFTER_MS = 20;

function main(): void {
  const port = parentPort;
  if (port === null) throw new Error("Cannot run the log's thread: this is not a worker");

  const reply = (message: WriterReply): void => {
    const buffers = message.kind === "appended" ? message.buffers.map((bytes) => bytes.buffer) : [];
    port.postMessage(message, buffers);
  };
  const host = openHost(workerData as WorkerOptions, reply);
  if (host === undefined) {
    port.close();
    return;
  }

  let preparing = false;
  const prepare = (): void => {
    preparing = host.prepare();
    if (preparing) setImmediate(prepare);
  };
  const seal = setTimeout(() => host.seal(), SEAL_AFTER_MS);

  port.on("message", (first: WriterRequest) => {
    const requests = [first];
    for (;;) {
      const more = receiveMessageOnPort(port);
      if (more === undefined) break;
      requests.push((more as { message: WriterRequest }).message);
    }
    host.handle(requests);

    if (requests.at(-1)?.kind === "close") {
      clearTimeout(seal);
      port.close();
      return;
    }
    seal.refresh();
    if (!preparing) {
      preparing = true;
      setImmediate(prepare);
    }
  });
}

function openHost(options: WorkerOptions, reply: (message: WriterReply) => void): WriterHost | undefined {
  const { directory, segmentBytes, minimumTail } = options;
  const nonce = (): Uint8Array => randomBytes(NONCE_BYTES);
  try {
    const writer = LogWriter.open({
      disk: new NodeDisk(),
      directory,
      segmentBytes,
      minimumTail,
      crc32,
      nonce,
    });
    return new WriterHost(writer, reply);
  } catch (error) {
    reply({ kind: "failed", failure: describeFailure(error) });
    return undefined;
  }
}

main();
