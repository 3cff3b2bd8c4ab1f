/**
 * Reads plain requests: the narrow form in which nearly all calls come, and which has one meaning only. GET or POST, HTTP/1.1,
 * printable ASCII, each header once, a body only by Content-Length, nothing about how the connection goes on. Whatever
 * looks different in any way is not judged here: it is "unusual" and goes to Node's parser with every byte of it.
 *
 * Why: Node's server costs 70 µs of CPU for a request on the machine of docs/performance.md, this 20 µs. Why not more than
 * that: what is read by two parsers must not have two meanings, so this one takes no decision that the other could take
 * differently.
 */
import type { IncomingHttpHeaders } from "node:http";

export type PlainRequest = {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: "1.1";
  readonly headers: IncomingHttpHeaders;
  /** Number of headers. */
  readonly headerCount: number;
  /** Where it came from. */
  readonly socket: { readonly remoteAddress?: string | undefined };
  /** The whole body: it has been received before there is a request. Valid while the request is being handled. */
  readonly body: Uint8Array;
};

export type PlainHead = Omit<PlainRequest, "body" | "socket"> & {
  /** Up to and including the empty line. */
  readonly headBytes: number;
  readonly bodyBytes: number;
};

export type PlainRequestLimits = {
  /** Of request line and headers together. */
  readonly headBytesMax: number;
  /** A larger body is Node's to stream. */
  readonly bodyBytesMax: number;
};

type HeaderBlock = {
  readonly headers: IncomingHttpHeaders;
  readonly headerCount: number;
  readonly bodyBytes: number;
};

const HEAD_END = "\r\n\r\n";
const CR = 0x0d;
const VERSION = " HTTP/1.1";
const URL = /^\/[\x21-\x7e]*$/;
/** A subset of what a token may be: names that could be taken for something else in an object are not among them. */
const NAME = /^[A-Za-z][A-Za-z0-9-]*$/;
/** Printable ASCII, tabs inside. No spaces at the ends: they are no part of the value, and are Node's to take off. */
const VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;
const LENGTH = /^(?:0|[1-9]\d{0,8})$/;
/** Node makes a list of it, however often it comes. */
const LISTED = "set-cookie";
const FRAMING = new Set([
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** For one connection: what its requests have in common is read once. */
export class PlainRequestReader {
  readonly #limits: PlainRequestLimits;
  #blockText = "";
  #block: HeaderBlock | undefined;

  constructor(limits: PlainRequestLimits) {
    this.#limits = limits;
  }

  /** Reads the head of the request that begins with the first of `bytes`. */
  read(bytes: Buffer): PlainHead | "unusual" {
    const end = bytes.indexOf(HEAD_END, 0, "latin1");
    // A head that comes in pieces is rare, and waiting for the rest is something that Node's parser knows limits for.
    if (end < 0 || end > this.#limits.headBytesMax) return "unusual";
    const lineEnd = bytes.indexOf(CR);
    const line = bytes.toString("latin1", 0, lineEnd);
    const urlAt = line.startsWith("POST ") ? 5 : line.startsWith("GET ") ? 4 : 0;
    if (urlAt === 0 || !line.endsWith(VERSION)) return "unusual";
    const url = line.slice(urlAt, -VERSION.length);
    if (!URL.test(url)) return "unusual";

    const block = this.#readBlock(bytes.toString("latin1", lineEnd, end));
    if (block === undefined || block.bodyBytes > this.#limits.bodyBytesMax) return "unusual";
    const { headers, headerCount, bodyBytes } = block;
    const method = urlAt === 5 ? "POST" : "GET";
    const headBytes = end + HEAD_END.length;
    return { method, url, httpVersion: "1.1", headers, headerCount, headBytes, bodyBytes };
  }

  /** `text`: each header with the line break before it. The requests of a client mostly differ in their first line only. */
  #readBlock(text: string): HeaderBlock | undefined {
    if (text === this.#blockText) return this.#block;
    this.#blockText = text;
    this.#block = readHeaders(text);
    return this.#block;
  }
}

/** `undefined`: unusual. */
function readHeaders(text: string): HeaderBlock | undefined {
  const headers: Record<string, string> = {};
  const lines = text.split("\r\n");
  let bodyBytes = 0;
  // A line break of another kind.
  if (lines[0] !== "") return undefined;
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const colon = line.indexOf(":");
    if (colon < 1) return undefined;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.charCodeAt(colon + 1) === 0x20 ? line.slice(colon + 2) : line.slice(colon + 1);
    if (!NAME.test(name) || !VALUE.test(value) || saysHowToGoOn(name, value)) return undefined;
    if (name === LISTED || Object.hasOwn(headers, name)) return undefined;
    if (name === "content-length") {
      if (!LENGTH.test(value)) return undefined;
      bodyBytes = Number(value);
    }
    headers[name] = value;
  }
  return { headers: Object.freeze(headers), headerCount: lines.length - 1, bodyBytes };
}

/** Whether it says something about how the message or the connection goes on, other than what is the case without it. */
function saysHowToGoOn(name: string, value: string): boolean {
  if (name === "connection") return value.toLowerCase() !== "keep-alive";
  return FRAMING.has(name);
}
