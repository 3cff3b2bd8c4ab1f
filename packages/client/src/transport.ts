/** Requests over fetch: addresses, headers, and what an unsuccessful response becomes. */
import { decodeValue, encodeValue } from "@holdfast/protocol";

import { errorFromResponse, HoldfastClientError } from "./errors.ts";

export interface TransportOptions {
  /** E.g. "http://localhost:8080". May have a path. */
  readonly url: string;
  readonly fetch: typeof fetch;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RequestOptions {
  readonly method?: string;
  /** Left out where undefined. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The stored form of a value, which is JSON. */
  readonly body?: Uint8Array;
  /** Gives up waiting. What was started goes on. */
  readonly signal?: AbortSignal | undefined;
}

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = { ...options, url: options.url.replace(/\/+$/, "") };
  }

  /** Throws HoldfastClientError for every response that is not a success, and when there is none. */
  async send(segments: readonly string[], request: RequestOptions = {}): Promise<Response> {
    const url = this.#options.url + pathOf(segments) + queryOf(request.query ?? {});
    const { body, signal } = request;
    let response: Response;
    try {
      response = await this.#options.fetch(url, {
        method: request.method ?? "GET",
        headers: {
          ...this.#options.headers,
          ...(body === undefined || body.length === 0 ? {} : { "content-type": "application/json" }),
          ...request.headers,
        },
        ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      throw unreachable(this.#options.url, cause);
    }
    if (response.ok) return response;
    throw await errorFromResponse(response);
  }

  /** The value in the body of the response. */
  async value(segments: readonly string[], request?: RequestOptions): Promise<unknown> {
    const response = await this.send(segments, request);
    return decodeValue(new Uint8Array(await response.arrayBuffer()));
  }

  /** The JSON in the body of the response, as it is. */
  async json<Body>(segments: readonly string[], request?: RequestOptions): Promise<Body> {
    const response = await this.send(segments, request);
    return (await response.json()) as Body;
  }

  /** Sends plain JSON and reads plain JSON. */
  exchange<Body>(
    method: string,
    segments: readonly string[],
    body: object,
    query?: RequestOptions["query"],
  ): Promise<Body> {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    return this.json(segments, { method, body: bytes, ...(query === undefined ? {} : { query }) });
  }
}

/** The stored form of an input or payload. Throws UnstorableValueError. */
export function bodyOf(value: unknown, what: string): Uint8Array {
  return encodeValue(value, what);
}

function pathOf(segments: readonly string[]): string {
  return segments.map((segment) => `/${encodeSegment(segment)}`).join("");
}

function encodeSegment(segment: string): string {
  if (segment !== "" && segment !== "." && segment !== "..") return encodeURIComponent(segment);
  throw new TypeError(
    `"${segment}" cannot be part of an address: use a key that is not empty and consists of more than dots.`,
  );
}

function queryOf(query: NonNullable<RequestOptions["query"]>): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  if (pairs.length === 0) return "";
  return `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}

function unreachable(url: string, cause: unknown): HoldfastClientError {
  return new HoldfastClientError(`There is no answer from ${url}`, {
    code: "unreachable",
    status: 0,
    hint: "Check the address, and that the server runs: holdfast dev.",
    source: "client",
    cause,
  });
}
