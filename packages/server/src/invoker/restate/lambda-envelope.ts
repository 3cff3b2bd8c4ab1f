/**
 * Requests and responses as functions on AWS Lambda get and give them: JSON in the manner of an API gateway, the body in
 * base64. Restate's SDKs offer their endpoints as such functions.
 */
import type { IncomingHttpHeaders } from "node:http";
import { zstdCompress, zstdDecompress } from "node:zlib";

import { lowerCased } from "../../http/header-names.ts";
import { isObject } from "../manifest-check.ts";
import type { ExchangeRequest } from "./exchange.ts";

/** What a function is given at most, before it is compressed. Clouds take less, and say so themselves. */
export const LAMBDA_REQUEST_BYTES_MAX: number = 64 * 1024 * 1024;
/** What a function may answer with, envelope included; also what that may be unpacked to. */
export const LAMBDA_ANSWER_BYTES_MAX: number = 64 * 1024 * 1024;
/** Below this size a body is not worth compressing. */
const COMPRESSED_FROM_BYTES: number = 256 * 1024;

export type LambdaAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
};

/** Why what a function answered is none; its message says what is wrong. */
export class NoLambdaAnswer extends Error {
  override readonly name = "NoLambdaAnswer";
}

/** The envelope of a request. With `compresses` a large body is packed, and a packed answer is taken. */
export async function wrapRequest(
  { method, path, headers }: ExchangeRequest,
  body: Uint8Array,
  compresses: boolean,
): Promise<Uint8Array> {
  const isPacked = compresses && body.length >= COMPRESSED_FROM_BYTES;
  const sent = isPacked ? await packed(body) : body;
  const envelope = {
    path,
    httpMethod: method,
    headers: {
      ...headers,
      ...(compresses ? { "accept-encoding": "zstd" } : {}),
      ...(isPacked ? { "content-encoding": "zstd" } : {}),
    },
    body: Buffer.from(sent.buffer, sent.byteOffset, sent.length).toString("base64"),
    isBase64Encoded: true,
  };
  return Buffer.from(JSON.stringify(envelope));
}

/** Rejects with a NoLambdaAnswer, which repeats nothing of what came. */
export async function unwrapAnswer(bytes: Uint8Array, compresses: boolean): Promise<LambdaAnswer> {
  const envelope = parsed(bytes);
  const { statusCode, headers = {}, body = "", isBase64Encoded = false } = envelope;
  if (!Number.isInteger(statusCode) || (statusCode as number) < 100 || (statusCode as number) > 999)
    throw new NoLambdaAnswer("it has no statusCode");
  if (!isObject(headers)) throw new NoLambdaAnswer("its headers are no object");
  if (typeof body !== "string") throw new NoLambdaAnswer("its body is no text");
  const names = lowerCased(textsOf(headers));
  const raw = Buffer.from(body, isBase64Encoded === true ? "base64" : "utf8");
  return {
    status: statusCode as number,
    headers: names,
    body: names["content-encoding"] === "zstd" ? await unpacked(raw, compresses) : raw,
  };
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw new NoLambdaAnswer("it is not JSON");
  }
  if (!isObject(value)) throw new NoLambdaAnswer("it is no object");
  return value;
}

/** Headers that are no text say nothing that is needed. */
function textsOf(headers: Readonly<Record<string, unknown>>): Array<[string, string]> {
  return Object.entries(headers).filter(
    (header): header is [string, string] => typeof header[1] === "string",
  );
}

function packed(body: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zstdCompress(body, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

function unpacked(body: Uint8Array, compresses: boolean): Promise<Uint8Array> {
  if (!compresses) throw new NoLambdaAnswer("its body is compressed, which it was not asked to be");
  return new Promise((resolve, reject) => {
    zstdDecompress(body, { maxOutputLength: LAMBDA_ANSWER_BYTES_MAX }, (error, result) => {
      if (error === null) resolve(result);
      else reject(new NoLambdaAnswer("its body cannot be decompressed within the limit"));
    });
  });
}
