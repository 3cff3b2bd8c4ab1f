/** The body of a rejection: JSON with message, code and metadata, or text that is the message. */
import type { Failure } from "@holdfast/protocol";

import { count, invalid, isJsonType, parseBody, readFields, record, text } from "../http/json-request.ts";
import { decodeUtf8 } from "../http/strict-json.ts";

const DEFAULT_CODE = 500;
const DEFAULT_MESSAGE = "rejected";

export function readRejection(body: Uint8Array, contentType: string | undefined): Failure {
  if (contentType !== undefined && isJsonType(contentType))
    return readJsonRejection(parseBody(body, contentType));
  const message = decodeUtf8(body);
  if (message === undefined) throw invalid("the message is not UTF-8");
  return { code: DEFAULT_CODE, message: message === "" ? DEFAULT_MESSAGE : message };
}

function readJsonRejection(value: unknown): Failure {
  if (typeof value === "string") return { code: DEFAULT_CODE, message: value };
  const { code, message, metadata } = readFields(value, {
    message: text,
    code: count,
    metadata: record(text),
  });
  if (code !== undefined && (code < 400 || code > 599)) throw invalid(`"code" must be from 400 to 599`);
  return {
    code: code ?? DEFAULT_CODE,
    message: message ?? DEFAULT_MESSAGE,
    ...(metadata === undefined ? {} : { metadata: [...metadata] }),
  };
}
