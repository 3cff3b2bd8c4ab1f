/** The part of HTTP/1.1 that servers of JSON use, read with as little work as possible. */

export interface Response {
  readonly status: number;
  readonly body: Buffer;
  /** Bytes it took, head included: what follows belongs to the next response. */
  readonly length: number;
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const END_OF_LINE = Buffer.from("\r\n");
/** "HTTP/1.1 200" */
const STATUS_AT = 9;
const STATUS_DIGITS = 3;
const HEAD_BYTES_MAX = 64 * 1024;
const HEXADECIMAL = 16;

/**
 * The response at the beginning of `bytes`, or undefined while it is not complete.
 *
 * @throws Error for what is no HTTP/1.1 response, and for one that ends with its connection.
 */
export function parseResponse(bytes: Buffer): Response | undefined {
  const headEnd = bytes.indexOf(END_OF_HEAD);
  if (headEnd === -1) {
    if (bytes.length > HEAD_BYTES_MAX) throw new Error("the head of a response does not end");
    return undefined;
  }
  const head = bytes.toString("latin1", 0, headEnd);
  const status = Number(head.slice(STATUS_AT, STATUS_AT + STATUS_DIGITS));
  if (!head.startsWith("HTTP/1.1 ") || !Number.isInteger(status)) {
    throw new Error(`no HTTP/1.1 response: ${JSON.stringify(head.slice(0, 80))}`);
  }
  const bodyStart = headEnd + END_OF_HEAD.length;
  if (status === 204 || status === 304) return { status, body: Buffer.alloc(0), length: bodyStart };

  const declared = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (declared !== null) {
    const length = bodyStart + Number(declared[1]);
    return bytes.length < length ? undefined : { status, body: bytes.subarray(bodyStart, length), length };
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return parseChunks(bytes, bodyStart, status);
  throw new Error("a response says neither how long it is nor that it is chunked");
}

function parseChunks(bytes: Buffer, bodyStart: number, status: number): Response | undefined {
  const parts: Buffer[] = [];
  let at = bodyStart;
  for (;;) {
    const lineEnd = bytes.indexOf(END_OF_LINE, at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), HEXADECIMAL);
    if (!Number.isInteger(size) || size < 0) throw new Error("the size of a chunk is no number");
    const start = lineEnd + END_OF_LINE.length;
    if (size === 0) {
      const end = endOfTrailers(bytes, start);
      return end === undefined ? undefined : { status, body: Buffer.concat(parts), length: end };
    }
    at = start + size + END_OF_LINE.length;
    if (bytes.length < at) return undefined;
    parts.push(bytes.subarray(start, start + size));
  }
}

/** Trailers are lines up to an empty one; usually there is only the empty one. */
function endOfTrailers(bytes: Buffer, start: number): number | undefined {
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf(END_OF_LINE, at);
    if (lineEnd === -1) return undefined;
    const next = lineEnd + END_OF_LINE.length;
    if (lineEnd === at) return next;
    at = next;
  }
}
