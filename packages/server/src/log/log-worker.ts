/**
 * The log's thread: takes what has arrived, writes it, syncs it, answers; in between prepares and seals.
 *
 * It never returns to an event loop: it sleeps until the bell of the mailbox rings.
 */
import { randomBytes } from "node:crypto";
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { crc32 } from "node:zlib";

import { NONCE_BYTES } from "./frame.ts";
import { LogWriter } from "./log-writer.ts";
import { MailboxTaker } from "./mailbox.ts";
import { NodeDisk } from "./node-disk.ts";
import { describeFailure, WriterHost, type WriterReply, type WriterRequest } from "./writer-host.ts";
import type { WorkerMessage, WorkerOptions } from "./writer-link.ts";

/** Long enough not to seal between the steps of one handler, short enough that the window without a witness is small. */
const SEAL_AFTER_MS = 20;

function main(): void {
  const port = parentPort;
  if (port === null) throw new Error("Cannot run the log's thread: this is not a worker");

  const options = workerData as WorkerOptions;
  const disk = new NodeDisk();
  const host = openHost(disk, options, (reply) => port.postMessage(messageOf(reply)));
  if (host !== undefined) serve(host, port, new MailboxTaker(options.mailbox));
  disk.close();
  port.close();
}

function serve(host: WriterHost, port: MessagePort, mailbox: MailboxTaker): void {
  const incoming = new Requests(port, mailbox);
  let hasToPrepare = false;
  let hasToSeal = true;
  for (;;) {
    mailbox.listen();
    const requests = incoming.takeAll();
    if (requests.length > 0) {
      host.handle(requests);
      if (requests.at(-1)?.kind === "close") return;
      hasToPrepare = true;
      hasToSeal = true;
    } else if (hasToPrepare) {
      hasToPrepare = host.prepare();
    } else if (!mailbox.wait(hasToSeal ? SEAL_AFTER_MS : Number.POSITIVE_INFINITY)) {
      host.seal();
      hasToSeal = false;
    }
  }
}

/**
 * What has come, from both ways. An append that travels as a message is sent before its slot is published, so it may be
 * seen too early; it waits here for its place. Other requests follow the appends: nothing depends on which was first.
 */
class Requests {
  readonly #port: MessagePort;
  readonly #mailbox: MailboxTaker;
  readonly #early: WriterRequest[] = [];
  #others: WriterRequest[] = [];

  constructor(port: MessagePort, mailbox: MailboxTaker) {
    this.#port = port;
    this.#mailbox = mailbox;
  }

  takeAll(): WriterRequest[] {
    const requests: WriterRequest[] = [];
    for (;;) {
      const taken = this.#mailbox.take();
      if (taken === undefined) break;
      requests.push(taken === "message" ? this.#nextAppend() : { kind: "append", group: taken });
    }
    this.#receive();
    requests.push(...this.#others);
    this.#others = [];
    return requests;
  }

  #nextAppend(): WriterRequest {
    if (this.#early.length === 0) this.#receive();
    const append = this.#early.shift();
    if (append === undefined) throw new Error("Cannot take an append that was announced and not sent");
    return append;
  }

  #receive(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: WriterRequest } | undefined;
      if (received === undefined) return;
      const { message } = received;
      if (message.kind === "append") this.#early.push(message);
      else this.#others.push(message);
    }
  }
}

function messageOf(reply: WriterReply): WorkerMessage {
  const isPlain = reply.kind === "appended" && reply.outcome === "ok" && reply.segments === undefined;
  return isPlain ? reply.groups : reply;
}

function openHost(
  disk: NodeDisk,
  options: WorkerOptions,
  reply: (message: WriterReply) => void,
): WriterHost | undefined {
  const { directory, segmentBytes, minimumTail } = options;
  const nonce = (): Uint8Array => randomBytes(NONCE_BYTES);
  try {
    const writer = LogWriter.open({
      disk,
      directory,
      segmentBytes,
      minimumTail,
      crc32,
      nonce,
    });
    disk.keepOpen(directory);
    return new WriterHost(writer, reply);
  } catch (error) {
    reply({ kind: "failed", failure: describeFailure(error) });
    return undefined;
  }
}

main();
