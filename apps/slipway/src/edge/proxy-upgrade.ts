import { request as httpRequest, STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { PAGE_HEADERS, renderPage, type EdgePage } from "./edge-page.ts";
import { responseHeaders, upgradeHeaders } from "./forwarded-headers.ts";
import { failurePage } from "./proxy-request.ts";
import type { Upstream } from "./route-table.ts";

/** Passes on a request for another protocol, such as WebSocket, and then every byte in both directions. */
export function proxyUpgrade(
  request: IncomingMessage,
  visitor: Duplex,
  head: Uint8Array,
  upstream: Upstream,
): void {
  const { address, deployment, region } = upstream;
  const outgoing = httpRequest({
    host: address.host,
    port: address.port,
    method: request.method,
    path: request.url,
    headers: upgradeHeaders(request),
    agent: false,
  });
  visitor.on("error", () => outgoing.destroy());
  visitor.on("close", () => outgoing.destroy());

  outgoing.once("upgrade", (answer, instance, instanceHead) => {
    const protocol = ["Connection", "Upgrade", "Upgrade", answer.headers.upgrade ?? ""];
    const own = { "X-Slipway-Deployment": deployment, "X-Slipway-Region": region };
    visitor.write(responseHead(answer, [...responseHeaders(answer, own), ...protocol]));
    if (instanceHead.length > 0) visitor.write(instanceHead);
    if (head.length > 0) instance.write(head);
    instance.on("error", () => visitor.destroy());
    instance.on("close", () => visitor.destroy());
    visitor.on("close", () => instance.destroy());
    instance.pipe(visitor);
    visitor.pipe(instance);
  });
  outgoing.once("response", (answer) => {
    // It would rather not. What it says instead ends with the connection.
    visitor.write(responseHead(answer, [...responseHeaders(answer, {}), "Connection", "close"]));
    answer.pipe(visitor);
  });
  outgoing.once("error", (error) => {
    if (visitor.writable) refuseUpgrade(visitor, failurePage(upstream, error));
  });
  outgoing.end();
}

/** Answers a request for another protocol with a page of the edge, and hangs up. */
export function refuseUpgrade(visitor: Duplex, page: EdgePage): void {
  const body = renderPage(page);
  const length = new TextEncoder().encode(body).length;
  const headers = Object.entries(PAGE_HEADERS)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  visitor.end(
    `HTTP/1.1 ${page.status} ${STATUS_CODES[page.status] ?? ""}\r\n` +
      `${headers}Content-Length: ${length}\r\n` +
      `X-Slipway-Error: ${page.code}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function responseHead({ statusCode, statusMessage }: IncomingMessage, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let index = 0; index + 1 < headers.length; index += 2)
    lines.push(`${headers[index]}: ${headers[index + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
