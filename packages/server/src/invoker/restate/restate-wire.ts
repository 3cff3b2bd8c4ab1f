/** The wire to one deployment of a Restate SDK: each attempt is one HTTP request. */
import type { JournalEntry } from "@holdfast/engine";
import type { RestateEndpoint, StartMessage } from "@holdfast/protocol";

import type { Clock } from "../../clock.ts";
import type { EndpointAddresses } from "../endpoint-address.ts";
import { authorityOf } from "../request-signer.ts";
import type { Session, SessionListener, Wire } from "../wire.ts";
import type { Transport } from "./exchange.ts";
import { Http1Transport } from "./http1-transport.ts";
import { Http2Transport } from "./http2-transport.ts";
import type { IdentitySigner } from "./identity-signer.ts";
import { unsendableReason } from "./outgoing-journal.ts";
import { sessionMediaType } from "./protocol-versions.ts";
import { RestateSession } from "./restate-session.ts";

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
    const { clock, addresses } = options;
    const transport = { clock, addresses, base: this.#base };
    this.#transport =
      options.endpoint.http === "2" ? new Http2Transport(transport) : new Http1Transport(transport);
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
        request: { method: "POST", path: this.#path(start), headers: this.#headers(start, version) },
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

  #path(start: StartMessage): string {
    return this.#base.pathname.replace(/\/$/, "") + invokePath(start) + this.#base.search;
  }

  #headers(start: StartMessage, version: number): Readonly<Record<string, string>> {
    const { headers, signer } = this.#options;
    const mediaType = sessionMediaType(version);
    return {
      ...lowerCased(headers),
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

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
