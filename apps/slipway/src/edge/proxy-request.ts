import { request as httpRequest, type Agent, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream";

import type { EdgePage } from "./edge-page.ts";
import { requestHeaders, responseHeaders } from "./forwarded-headers.ts";
import type { Upstream } from "./route-table.ts";

/** To the first byte of the answer; the answer itself may take as long as it likes. */
const ANSWER_TIMEOUT_MS = 60_000;
/** Asking twice is like asking once. */
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS"]);

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly agent: Agent;
  /** Answers with a page of the edge. */
  readonly answer: (page: EdgePage) => void;
}

/** Passes a request on to the first of the instances that takes it, and its answer back, both as they come. */
export function proxyRequest(exchange: Exchange, upstreams: readonly Upstream[]): void {
  const [upstream, ...others] = upstreams;
  if (upstream === undefined) return;
  const { request, response } = exchange;
  const { address, deployment, region } = upstream;

  const outgoing = httpRequest({
    host: address.host,
    port: address.port,
    method: request.method,
    path: request.url,
    headers: requestHeaders(request),
    agent: exchange.agent,
  });
  const patience = setTimeout(() => outgoing.destroy(new Error("timeout")), ANSWER_TIMEOUT_MS);
  const onVisitorGone = (): void => void outgoing.destroy();
  response.once("close", onVisitorGone);

  outgoing.once("response", (incoming) => {
    clearTimeout(patience);
    const own = { "X-Slipway-Deployment": deployment, "X-Slipway-Region": region };
    response.writeHead(
      incoming.statusCode ?? 502,
      incoming.statusMessage ?? "",
      responseHeaders(incoming, own),
    );
    // An answer that breaks off must break off for the visitor too: there is no other way left to tell.
    pipeline(incoming, response, () => undefined);
  });
  outgoing.once("error", (error) => {
    clearTimeout(patience);
    response.off("close", onVisitorGone);
    if (response.headersSent || response.destroyed) {
      response.destroy();
    } else if (others.length > 0 && hasNoBody(request)) {
      proxyRequest(exchange, others);
    } else {
      exchange.answer(failurePage(upstream, error));
    }
  });

  if (hasNoBody(request)) outgoing.end();
  else pipeline(request, outgoing, () => undefined); // Its end shows as an error of `outgoing`.
}

export function failurePage({ deployment, region }: Upstream, error: Error): EdgePage {
  if (error.message === "timeout") {
    return {
      status: 504,
      code: "instance_timeout",
      title: "No answer in time",
      text: `The instance of ${deployment} in ${region} took more than ${ANSWER_TIMEOUT_MS / 1_000} s to answer.`,
    };
  }
  return {
    status: 502,
    code: "instance_failed",
    title: "The connection broke",
    text: `The instance of ${deployment} in ${region} broke off without an answer (${error.message}).`,
  };
}

function hasNoBody({ method, headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  const isEmpty = headers["transfer-encoding"] === undefined && (length === undefined || length === "0");
  return isEmpty && REPEATABLE.has(method ?? "");
}
