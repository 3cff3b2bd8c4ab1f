/** How a handler is called from a shell. */
import type { HandlerInfo, ServiceInfo } from "@holdfast/protocol";

import { sampleOf } from "./sample.ts";

const KEY = "some-key";

/** A line to paste, with a body that fits the handler's schema where it declares one. */
export function curlLine(
  ingressUrl: string,
  service: Pick<ServiceInfo, "name" | "kind">,
  handler: Pick<HandlerInfo, "name" | "inputSchema">,
): string {
  const key = service.kind === "service" ? [] : [KEY];
  const path = [service.name, ...key, handler.name].map(encodeURIComponent).join("/");
  const url = `${ingressUrl}/${path}`;
  const body = handler.inputSchema === undefined ? "{}" : JSON.stringify(sampleOf(handler.inputSchema));
  return body === undefined ? `curl -X POST ${url}` : `curl ${url} --json ${shellQuoted(body)}`;
}

/** One word to a POSIX shell, whatever it holds. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
