/** Making a connection of the native wire: an HTTP request that asks for an upgrade. */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";

import { CHANNEL_HEADER, HoldfastError, NATIVE_WIRE_PATH, NATIVE_WIRE_PROTOCOL } from "@holdfast/protocol";

import type { ByteSocket } from "../byte-socket.ts";
import type { ChannelSealer } from "./channel-sealer.ts";
import type { EndpointAddresses } from "./endpoint-address.ts";
import { authorityOf, type RequestSigner, type SignedUpgrade } from "./request-signer.ts";

const CONNECT_TIMEOUT_MS = 10_000;

export type DialTarget = {
  readonly url: string;
  /** Sent with the upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
};

export type DialListener = {
  /** `head`: what came right behind the answer. `sealer`: for what is sent, where the endpoint asked for it. */
  readonly opened: (socket: ByteSocket, head: Uint8Array, sealer?: ChannelSealer) => void;
  readonly failed: (reason: string) => void;
};

/** Calls one of the listener's functions, never within the call. Returns how to give up, after which it may still call. */
export type Dial = (target: DialTarget, listener: DialListener) => () => void;

/** Who asks, and for which deployment. */
export type DialIdentity = { readonly signer: RequestSigner; readonly deployment: string };

/**
 * `addresses` are checked with every dial: the address of a name may have changed since the deployment was registered.
 * With an `identity` the upgrade is signed.
 */
export function dialOverHttp(addresses: EndpointAddresses, identity?: DialIdentity): Dial {
  return (target, listener) => {
    const { url } = target;
    let request: ClientRequest;
    let signed: SignedUpgrade | undefined;
    try {
      signed = identity === undefined ? undefined : sign(target, identity);
      request = upgradeRequest(target, addresses, signed?.headers ?? {});
    } catch (error) {
      // A header or an address that cannot be sent.
      queueMicrotask(() => listener.failed(`${url} cannot be reached: ${reasonOf(error)}`));
      return () => {};
    }
    const fail = (reason: string): void => {
      request.destroy();
      listener.failed(reason);
    };
    request.on("upgrade", (response, socket, head) => {
      let sealer: ChannelSealer | undefined;
      try {
        sealer = sealerFor(signed, response);
      } catch (error) {
        socket.destroy();
        fail(`${url} opened the native wire wrongly: ${reasonOf(error)}`);
        return;
      }
      // Over HTTP/1.1 and TLS it is always a socket.
      listener.opened(socket as Socket, head, sealer);
    });
    request.on("response", ({ statusCode }) =>
      fail(`${url} answered ${statusCode} instead of opening the native wire${hintFor(statusCode)}`),
    );
    request.on("timeout", () => fail(`${url} did not answer within ${CONNECT_TIMEOUT_MS} ms`));
    request.on("error", (error: NodeJS.ErrnoException) =>
      fail(
        `${url} cannot be reached: ${error instanceof HoldfastError ? error.message : (error.code ?? error.message)}`,
      ),
    );
    request.end();
    return () => request.destroy();
  };
}

function sign({ url, headers }: DialTarget, { signer, deployment }: DialIdentity): SignedUpgrade {
  const base = new URL(url);
  const request = { method: "GET", authority: authorityOf(base, headers), path: upgradePath(base) };
  return signer.signUpgrade(request, deployment);
}

function upgradeRequest(
  { url, headers }: DialTarget,
  addresses: EndpointAddresses,
  signature: Readonly<Record<string, string>>,
): ClientRequest {
  const base = new URL(url);
  return (base.protocol === "https:" ? httpsRequest : httpRequest)({
    ...addresses.connectOptions(base),
    path: upgradePath(base),
    method: "GET",
    headers: { ...headers, ...signature, connection: "Upgrade", upgrade: NATIVE_WIRE_PROTOCOL },
    timeout: CONNECT_TIMEOUT_MS,
  });
}

function upgradePath(base: URL): string {
  return base.pathname.replace(/\/$/, "") + NATIVE_WIRE_PATH + base.search;
}

function sealerFor(signed: SignedUpgrade | undefined, response: IncomingMessage): ChannelSealer | undefined {
  const share = response.headers[CHANNEL_HEADER];
  return signed === undefined || typeof share !== "string" ? undefined : signed.sealer(share);
}

function hintFor(status: number | undefined): string {
  if (status !== 401) return "";
  return ": it runs handlers only for engines whose key it was given (identityKeys); `holdfast version --server` shows this one's";
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
