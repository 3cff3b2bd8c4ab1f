/** The wire to one deployment of a Restate SDK: each attempt is one HTTP request. */
import type { JournalEntry } from "@holdfast/engine";
import type { RestateEndpoint, StartMessage } from "@holdfast/protocol";

import type { Clock } from "../../clock.ts";
import { lowerCased } from "../../http/header-names.ts";
import { unreachable } from "../discovery-errors.ts";
import type { EndpointAddresses } from "../endpoint-address.ts";
import { authorityOf } from "../request-signer.ts";
import type { NoWire, Session, SessionListener, Wire } from "../wire.ts";
import type { ExchangeRequest, Transport } from "./exchange.ts";
import { Http1Transport } from "./http1-transport.ts";
import { Http2Transport } from "./http2-transport.ts";
import type { IdentitySigner } from "./identity-signer.ts";
import { LambdaTransport } from "./lambda-transport.ts";
import { unsendableReason } from "./outgoing-journal.ts";
import { sessionMediaType } from "./protocol-versions.ts";
import { RestateSession } from "./restate-session.ts";
import { askWhole, NoAnswer, type WholeAnswer } from "./whole-answer.ts";

export type RestateWireOptions = {
  readonly clock: Clock;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly endpoint: RestateEndpoint;
  readonly addresses: EndpointAddresses;
  readonly messageBytesMax: number;
  /** Default: requests are not signed. */
  readonly signer?: IdentitySigner | undefined;
};

/** For what is no attempt. Somebody waits for it. */
const ASK_TIMEOUT_MS = 10_000;

const NOTHING: Session = {
  deliver: () => {},
  ackRun: () => {},
  requestSuspend: () => {},
  abort: () => {},
  consumed: () => {},
};

export class RestateWire implements Wire {
  readonly #options: RestateWireOptions;
  readonly #base: URL;
  readonly #transport: Transport;

  constructor(options: RestateWireOptions) {
    this.#options = options;
    this.#base = new URL(options.url);
    this.#transport = this.#makeTransport();
  }

  #makeTransport(): Transport {
    const { clock, addresses, headers, endpoint } = this.#options;
    const options = { clock, addresses, base: this.#base };
    if (endpoint.lambda !== undefined) {
      const host = authorityOf(this.#base, headers);
      const compresses = endpoint.lambda.compression === "zstd";
      return new LambdaTransport({
        ...options,
        headers: { ...lowerCased(Object.entries(headers)), host },
        compresses,
      });
    }
    return endpoint.http === "2" ? new Http2Transport(options) : new Http1Transport(options);
  }

  get isReachable(): boolean {
    return this.#transport.isReachable;
  }

  /** Sessions write at the end of the turn by themselves. */
  send(): void {}

  open(
    start: StartMessage,
    journal: readonly JournalEntry[],
    listener: SessionListener,
    version: number,
  ): Session {
    const unsendable = unsendableReason(journal);
    if (unsendable !== undefined) {
      // No other attempt would fare better.
      queueMicrotask(() => listener.onLost("protocol-violation", unsendable, true));
      return NOTHING;
    }
    const { clock, endpoint, messageBytesMax } = this.#options;
    return new RestateSession(
      {
        clock,
        transport: this.#transport,
        request: {
          method: "POST",
          path: this.#below(invokePath(start)),
          headers: this.#headers(start, version),
        },
        contentType: sessionMediaType(version),
        protocolVersion: version,
        isRequestResponse: endpoint.mode === "request-response" || endpoint.http === "1.1",
        messageBytesMax,
      },
      this.#withinMessage(start),
      journal,
      listener,
    );
  }

  /** A request that is no attempt, to a path below the deployment's URL. Rejects with a NoAnswer. */
  ask(path: string, body: Uint8Array, timeoutMs: number): Promise<WholeAnswer> {
    const { clock, headers, signer, messageBytesMax } = this.#options;
    const request: ExchangeRequest = {
      method: "POST",
      path: this.#below(path),
      headers: {
        ...lowerCased(Object.entries(headers)),
        host: authorityOf(this.#base, headers),
        "content-type": "application/octet-stream",
        // Of paths that are neither discovery nor an attempt, SDKs compare all that they were asked for.
        ...signer?.headersFor(this.#prefix + path, ""),
      },
    };
    return askWhole(this.#transport, request, body, { clock, timeoutMs, bytesMax: messageBytesMax });
  }

  /** Below what a path is: a function is told the path alone. */
  get #prefix(): string {
    return this.#options.endpoint.lambda !== undefined ? "" : this.#base.pathname.replace(/\/$/, "");
  }

  #below(path: string): string {
    return this.#prefix + path + (this.#options.endpoint.lambda === undefined ? this.#base.search : "");
  }

  #headers(start: StartMessage, version: number): Readonly<Record<string, string>> {
    const { headers, signer } = this.#options;
    const mediaType = sessionMediaType(version);
    return {
      ...lowerCased(Object.entries(headers)),
      host: authorityOf(this.#base, headers),
      "content-type": mediaType,
      accept: mediaType,
      "x-restate-invocation-id": start.invocationId,
      ...(start.key === "" ? {} : { "x-restate-service-key": escapedKey(start.key) }),
      ...signer?.headersFor(invokePath(start), start.key),
    };
  }

  /** State that does not fit into a message beside everything else is left for the handler to fetch. */
  #withinMessage(start: StartMessage): StartMessage {
    let bytes = 0;
    for (const [key, value] of start.state) bytes += key.length + value.length;
    return bytes <= this.#options.messageBytesMax / 2 ? start : { ...start, state: [], partialState: true };
  }

  close(): void {
    this.#transport.close();
  }
}

/** Names of services and handlers hold nothing that a path would have to escape. */
function invokePath({ service, handler }: StartMessage): string {
  return `/invoke/${service}/${handler}`;
}

/** In UTF-8, as in Start: half of a surrogate pair is no character there either. */
function escapedKey(key: string): string {
  return encodeURIComponent(key.toWellFormed());
}

/** As `ask`, whatever way there is. Rejects with a HoldfastError. */
export async function askOnWire(
  wire: Wire | NoWire,
  { url, path, body }: { readonly url: string; readonly path: string; readonly body: Uint8Array },
): Promise<WholeAnswer> {
  if ("isGone" in wire) throw unreachable(url, wire.reason);
  if (!(wire instanceof RestateWire)) throw unreachable(url, "it is not served by an SDK of Restate");
  try {
    return await wire.ask(path, body, ASK_TIMEOUT_MS);
  } catch (error) {
    throw error instanceof NoAnswer ? unreachable(url, error.message) : error;
  }
}
