/** What an endpoint of Restate's says: its manifest, and the response of an attempt. The first byte says which of the two. */
import { isDeepStrictEqual } from "node:util";

import { encodeMessage, HoldfastError, MessageType, type SdkMessage } from "@holdfast/protocol";
import {
  parseRestateManifest,
  RestateSession,
  type Clock,
  type Exchange,
  type ExchangeListener,
} from "@holdfast/server/parts";

import { ByteSource } from "../engine/byte-source.ts";
import { refusedOr, require, type Target } from "../engine/target.ts";
import { register } from "./manifest.ts";
import { sampleBodies, sdkMessages, START } from "./sample-messages.ts";

const URL = "http://localhost:9080";
const CONTENT_TYPE = "application/vnd.restate.invocation.v6";
const MESSAGE_BYTES_MAX = 4_096;

const clock: Clock = {
  now: () => 0,
  elapsed: () => 0,
  after: () => () => {},
  soon: (run) => queueMicrotask(run),
};

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  if (source.below(2) === 0) checkManifest(source.rest());
  else checkResponse(source.byte(), source.rest());
}

/** Accepted is what can be registered and called. */
function checkManifest(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString("utf8");
  const answer = { server: "restate-sdk-x/1", http: "2", versionMax: 7 } as const;
  const manifest = refusedOr([HoldfastError], () => parseRestateManifest(URL, text, answer));
  if (manifest !== undefined) register(manifest);
}

type Heard = { readonly messages: readonly SdkMessage[]; readonly lost: string | undefined };

/** However a response is cut into chunks, the same is heard of it; and nothing behind its end. */
function checkResponse(cut: number, response: Uint8Array): void {
  const pieces: Uint8Array[] = [];
  const length = 1 + (cut % 16);
  for (let at = 0; at < response.length; at += length) pieces.push(response.subarray(at, at + length));
  const version = 5 + ((cut >> 4) % 3);
  const whole = hear([response], version);
  const cutUp = hear(pieces, version);
  require(isDeepStrictEqual(whole, cutUp), "a response says something else in pieces", whole, cutUp);
}

function hear(chunks: readonly Uint8Array[], protocolVersion: number): Heard {
  const messages: SdkMessage[] = [];
  let lost: string | undefined;
  let isCancelled = false;
  let told: ExchangeListener | undefined;
  const exchange: Exchange = {
    write: () => true,
    end: () => {},
    pause: () => {},
    resume: () => {},
    cancel: () => (isCancelled = true),
  };
  const transport = {
    isReachable: true,
    close: () => {},
    open: (_request: unknown, listener: ExchangeListener) => {
      told = listener;
      return exchange;
    },
  };
  const options = {
    clock,
    transport,
    request: { method: "POST", path: "/invoke/Echo/echo", headers: {} },
    contentType: CONTENT_TYPE,
    protocolVersion,
    isRequestResponse: false,
    messageBytesMax: MESSAGE_BYTES_MAX,
  } as const;
  new RestateSession(options, START, [], {
    onMessage: (message, body) => {
      require(lost === undefined, "a message came after the session was lost", message);
      require(body.length <= MESSAGE_BYTES_MAX, "a message is larger than allowed", message);
      messages.push(message);
    },
    onLost: (code, reason) => {
      require(lost === undefined, "a session was lost twice", reason);
      lost = `${code}: ${reason}`;
    },
  });
  told?.onWritable();
  told?.onHead(200, { "content-type": CONTENT_TYPE });
  for (const chunk of chunks) if (!isCancelled) told?.onData(chunk);
  if (!isCancelled) told?.onEnd();
  return { messages, lost };
}

function frame(type: number, body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(type, 0);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

const response = (...frames: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([Uint8Array.of(1, 3), ...frames]);

/** As an SDK of version 7 says it: of two completions both, or a cancel. */
const futures = (): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(1, 0x23),
    frame(MessageType.Suspension, Buffer.from("220d22060a02010228021201012801", "hex")),
  ]);

function manifestOf(...services: readonly object[]): Uint8Array {
  const text = JSON.stringify({
    protocolMode: "BIDI_STREAM",
    minProtocolVersion: 5,
    maxProtocolVersion: 7,
    services,
  });
  return Buffer.concat([Uint8Array.of(0), Buffer.from(text)]);
}

export const restateEndpoint: Target = {
  name: "restate-endpoint",
  decodes: "manifests of Restate's SDKs, and responses of attempts",
  seeds: () => [
    ...sampleBodies.map(({ type, body }) => response(frame(type, body))),
    response(...sdkMessages.map((message) => frame(message.type, encodeMessage(message)))),
    futures(),
    manifestOf({ name: "Greeter", ty: "SERVICE", handlers: [{ name: "greet" }] }),
    manifestOf({
      name: "Counter",
      ty: "VIRTUAL_OBJECT",
      enableLazyState: true,
      retryPolicyMaxAttempts: 0,
      handlers: [{ name: "add", ty: "EXCLUSIVE", input: { contentType: "*/*", jsonSchema: {} } }],
    }),
    manifestOf({ name: "W", ty: "WORKFLOW", handlers: [{ name: "run", ty: "WORKFLOW", output: {} }] }),
  ],
  tokens: [
    '"protocolMode":"REQUEST_RESPONSE"',
    '"ty":"WORKFLOW"',
    '"ty":"SHARED"',
    '"ty":"__proto__"',
    '"ty":"constructor"',
    '"input":{"required":true}',
    '"output":{"contentType":"a/b"}',
    '"jsonSchema":{"$ref":"#"}',
    '"retryPolicyOnMaxAttempts":"KILL"',
    '"ingressPrivate":true',
    "null",
    "1e999",
    "-1",
  ],
  hasJson: true,
  run,
};
