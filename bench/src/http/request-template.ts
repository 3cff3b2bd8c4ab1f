/** Requests made once as text, into which only a key is put for each sending. */
import type { Address } from "./connection.ts";

export interface RequestShape {
  readonly method: "GET" | "POST";
  /** `{key}` stands for a key. */
  readonly path: string;
  /** JSON in ASCII, in which `{key}` stands for a key as well; none: no body. */
  readonly body?: string;
}

const PLACE = "{key}";

/** A function from a key to the bytes of a request. All keys are equally long, so that the content length is known. */
export function requestTemplate(
  shape: RequestShape,
  { host, port }: Address,
  keyLength: number,
): (key: string) => string {
  const body = shape.body ?? "";
  const places = body.split(PLACE).length - 1;
  const length = body.length + places * (keyLength - PLACE.length);
  const lines = [`${shape.method} ${shape.path} HTTP/1.1`, `host: ${host}:${port}`];
  if (shape.body !== undefined) lines.push("content-type: application/json");
  if (shape.method === "POST") lines.push(`content-length: ${length}`);
  const parts = `${lines.join("\r\n")}\r\n\r\n${body}`.split(PLACE);
  const [first = "", second, ...more] = parts;
  if (second === undefined) return () => first;
  if (more.length === 0) return (key) => first + key + second;
  return (key) => parts.join(key);
}
