/** Making a connection of the native wire: an HTTP request that asks for an upgrade. */
import { request as httpRequest, type ClientRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";

import { HoldfastError, NATIVE_WIRE_PATH, NATIVE_WIRE_PROTOCOL } from "@holdfast/protocol";

import type { ByteSocket } from "../byte-socket.ts";
import type { EndpointAddresses } from "./endpoint-address.ts";

const CONNECT_TIMEOUT_MS = 10_000;

export type DialTarget = {
  readonly url: string;
  /** Sent with the upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
};

export type DialListener = {
  /** `head`: what came right behind the answer. */
  readonly opened: (socket: ByteSocket, head: Uint8Array) => void;
  readonly failed: (reason: string) => void;
};

/** Calls one of the listener's functions, never within the call. Returns how to give up, after which it may still call. */
export type Dial = (target: DialTarget, listener: DialListener) => () => void;

/** `addresses` are checked with every dial: the address of a name may have changed since the deployment was registered. */
export function dialOverHttp(addresses: EndpointAddresses): Dial {
  return (target, listener) => {
    const { url } = target;
    let request: ClientRequest;
    try {
      request = upgradeRequest(target, addresses);
    } catch (error) {
      // A header or an address that cannot be sent.
      const reason = error instanceof Error ? error.message : String(error);
      queueMicrotask(() => listener.failed(`${url} cannot be reached: ${reason}`));
      return () => {};
    }
    const fail = (reason: string): void => {
      request.destroy();
      listener.failed(reason);
    };
    request.on("upgrade", (_response, socket, head) => {
      // Over HTTP/1.1 and TLS it is always a socket.
      listener.opened(socket as Socket, head);
    });
    request.on("response", (response) =>
      fail(`${url} answered ${response.statusCode} instead of opening the native wire`),
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

function upgradeRequest({ url, headers }: DialTarget, addresses: EndpointAddresses): ClientRequest {
  const base = new URL(url);
  return (base.protocol === "https:" ? httpsRequest : httpRequest)({
    ...addresses.connectOptions(base),
    path: base.pathname.replace(/\/$/, "") + NATIVE_WIRE_PATH + base.search,
    method: "GET",
    headers: { ...headers, connection: "Upgrade", upgrade: NATIVE_WIRE_PROTOCOL },
    timeout: CONNECT_TIMEOUT_MS,
    agent: false,
  });
}
