/**
 * Requests, before they mean anything: the reader of plain ones, paths, stored headers, JSON of strangers. What the reader
 * takes as plain must be the same request to Node's own parser, or one of the two could be fooled.
 */
import { createServer, type IncomingMessage } from "node:http";
import { isDeepStrictEqual } from "node:util";

import { HoldfastError } from "@holdfast/protocol";
import {
  decodeUtf8,
  headerFilter,
  excessOf,
  PlainRequestReader,
  readPath,
  suspiciousKey,
} from "@holdfast/server/parts";

import { refusedOr, require, type Target } from "../engine/target.ts";
import { InMemorySocket } from "./in-memory-socket.ts";

const LIMITS = { headBytesMax: 28 * 1024, bodyBytesMax: 64 * 1024 };
const JSON_DEPTH_MAX = 64;
/** Two parsers and a connection take a thousand times as long as the reader alone. */
const COMPARED_BYTES_MAX = 2_048;

const storedHeaders = headerFilter(["content-type", "traceparent", "x-*", "!x-api-key"]);
const node = createServer({
  requireHostHeader: false,
  joinDuplicateHeaders: true,
  connectionsCheckingInterval: 2 ** 30,
});
node.maxHeadersCount = 0;

async function run(input: Uint8Array): Promise<void> {
  const text = Buffer.from(input).toString("latin1");
  checkPath(text);
  checkJson(input);
  const bytes = Buffer.from(input);
  const reader = new PlainRequestReader(LIMITS);
  const head = reader.read(bytes);
  if (head === "unusual") return;
  require(isDeepStrictEqual(reader.read(bytes), head), "another request the second time", head);
  checkPath(head.url);
  for (const [name, value] of storedHeaders(head.headers))
    require(head.headers[name] === value &&
      name !== "authorization" &&
      name !== "cookie", "a header that is not kept", name);
  const body = bytes.subarray(head.headBytes, head.headBytes + head.bodyBytes);
  if (body.length < head.bodyBytes || bytes.length > COMPARED_BYTES_MAX) return;
  const { method, url, httpVersion, headers } = head;
  const other = await asNodeReads(bytes.subarray(0, head.headBytes + head.bodyBytes));
  require(isDeepStrictEqual(
    { method, url, httpVersion, headers: { ...headers }, body: body.toString("latin1") },
    other,
  ), "Node reads another request", head, other);
}

function asNodeReads(bytes: Uint8Array): Promise<object> {
  return new Promise((resolve) => {
    const socket = new InMemorySocket();
    const finish = (read: object): void => {
      node.removeAllListeners("request");
      node.removeAllListeners("clientError");
      socket.destroy();
      resolve(read);
    };
    node.on("request", (req: IncomingMessage) => {
      const { method, url, httpVersion, headers } = req;
      let body = "";
      req.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
      req.on("end", () => finish({ method, url, httpVersion, headers: { ...headers }, body }));
    });
    node.on("clientError", (error) => finish({ refused: error.message }));
    node.emit("connection", socket.asSocket);
    socket.push(bytes);
    socket.push(null);
  });
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}

function checkPath(url: string): void {
  const path = refusedOr([HoldfastError], () => readPath(url));
  if (path === undefined) return;
  require(path.segments.length > 0, "a path without a segment", url);
  for (const segment of path.segments)
    // Raw ones cannot come: the readers let nothing but printable ASCII through.
    require(!pathOf(url).includes("%") ||
      !["\u0000", "\uffff"].some((bad) => segment.includes(bad)), "a character that keys may not have", url);
}

/** What the fast looks say must be what a slow look at the parsed value says. */
function checkJson(input: Uint8Array): void {
  const text = decodeUtf8(input);
  if (text === undefined) return;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return; // Whoever parses it says so; the looks are for valid JSON.
  }
  const isDeep = depthOf(value) > JSON_DEPTH_MAX;
  // A key that comes twice hides what the first of them held, so the text may be deeper than the value.
  const problem = suspiciousKey(text);
  if (problem !== undefined) return;
  require((excessOf(text, JSON_DEPTH_MAX) === "depth") ===
    isDeep, "another depth than that of the value", text);
  require(!hasPrototypeKey(value), 'a key "__proto__" that was not seen', text);
}

function depthOf(value: unknown): number {
  let depth = 0;
  let level: readonly unknown[] = [value];
  for (;;) {
    const nested = level.filter((item): item is object => typeof item === "object" && item !== null);
    if (nested.length === 0) return depth;
    depth += 1;
    level = nested.flatMap((item) => Object.values(item) as unknown[]);
  }
}

function hasPrototypeKey(value: unknown): boolean {
  const queue: unknown[] = [value];
  for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
    if (typeof item !== "object" || item === null) continue;
    if (Object.hasOwn(item, "__proto__")) return true;
    queue.push(...(Object.values(item) as unknown[]).filter((inner) => inner !== undefined));
  }
  return false;
}

const LINES = [
  "POST /Greeter/greet HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
  "GET /restate/health HTTP/1.1\r\nHost: localhost:8080\r\nAccept: */*\r\n\r\n",
  "POST /Counter/a%2Fb/add/send?delay=10s HTTP/1.1\r\nhost:x\r\nx-trace: a\tb c\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
  '{"a":[{"b":"\\\\"},{"a":1}],"c":"\\u0000"}',
  "/Deploy/k%C3%A9y/run/?x=%00#",
];

export const httpRequest: Target = {
  name: "http-request",
  decodes: "plain requests against Node's parser, paths, stored headers, strict JSON",
  seeds: () => LINES.map((text) => Buffer.from(text)),
  tokens: [
    [
      "GET ",
      "POST ",
      " HTTP/1.1\r\n",
      " HTTP/1.0",
      "\r\n",
      "\n",
      "\r",
      "\r\n\r\n",
      ": ",
      ":",
      " ",
      "\t",
      "content-length: ",
      "Content-Length:1",
    ],
    [
      "transfer-encoding: chunked\r\n",
      "host: a\r\n",
      "connection: close\r\n",
      "connection: upgrade",
      "expect: 100-continue\r\n",
      "cookie: a\r\n",
    ],
    [
      "set-cookie: a\r\n",
      "constructor: a\r\n",
      "x-a: b\r\n",
      "%2f",
      "%00",
      "%ff",
      "%uffff",
      "%EF%BF%BF",
      "..",
      "//",
      "?",
      "#",
      "\x00",
      "\x7f",
      "\x80",
    ],
    [
      "{",
      "[",
      "]",
      "}",
      '"',
      "\\",
      '{"__proto__":',
      '"\\u005f_proto__":',
      '{"a":',
      ",",
      "null",
      "\xef\xbb\xbf",
    ],
  ].flat(),
  hasJson: true,
  run,
};
