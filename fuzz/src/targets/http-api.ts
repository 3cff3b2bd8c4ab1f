import { createServer, type Server } from "node:http";
import { inspect } from "node:util";

import { BinaryWriter, encodeRecord, type RecordBody } from "@holdfast/engine";
/**
 * Whole connections to the ingress and the admin API, over sockets in memory: plain requests, those that go to Node's parser,
 * and everything that is read from them. The engine behind is the real fold without a log.
 */
import { encodeMessage, formatInvocationId, MessageType } from "@holdfast/protocol";
import {
  adminSettings,
  createAdmin,
  createIngress,
  ingressSettings,
  PlainConnection,
  startEngine,
  type HttpHandler,
} from "@holdfast/server/parts";

import { ByteSource, sized } from "../engine/byte-source.ts";
import { Finding, require, type Target } from "../engine/target.ts";
import { InMemorySocket } from "./in-memory-socket.ts";

const LIMITS = { headBytesMax: 28 * 1024, bodyBytesMax: 1024 * 1024 };
const CHUNKS_MAX = 16;
/** Inputs that share an engine: what they started is not to be carried along for ever. */
const ENGINE_INPUTS_MAX = 200;
const TURNS = 6;

/** An invocation that operators can act on. */
const ID = formatInvocationId(new Uint8Array(24));
const scheduled: RecordBody = {
  kind: "invoke",
  id: ID,
  target: { service: "Greeter", handler: "hang", key: "", kind: "plain" },
  input: encodeMessage({ type: MessageType.Input, headers: [], value: new Uint8Array(0) }),
  inputHash: 0,
  idempotencyKey: undefined,
  startAt: Date.parse("2031-01-01"),
  source: { kind: "ingress", id: "" },
};

type Api = { readonly handler: HttpHandler; readonly server: Server };

/** What the APIs admit to be their own fault. */
const defects: unknown[] = [];
let apis: readonly Api[] = [];
let inputs = 0;
let proposed: readonly RecordBody[] = [];
/** Records of the present engine that have been looked at. */
let checkedRecords = 0;
const writer = new BinaryWriter();

async function startApis(): Promise<readonly Api[]> {
  const engine = await startEngine();
  proposed = engine.proposed;
  checkedRecords = 0;
  // Those of the rig believe what they are sent.
  engine.handlers.clear();
  engine.handlers.set("Greeter/echo", ({ value }) => ({ kind: "value", value }));
  await engine.propose(scheduled);
  const onDefect = (error: unknown): void => void defects.push(error);
  const handlers = [
    createIngress(engine, ingressSettings, onDefect),
    createAdmin(engine, adminSettings, onDefect),
  ];
  return handlers.map((handler) => {
    const options = {
      requireHostHeader: false,
      joinDuplicateHeaders: true,
      maxHeaderSize: LIMITS.headBytesMax,
    };
    const server = createServer({ ...options, connectionsCheckingInterval: 2 ** 30 }, handler);
    server.maxHeadersCount = 0;
    server.on("clientError", (_error, socket) => socket.destroy());
    return { handler, server };
  });
}

const NO_ROOM = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

async function run(input: Uint8Array): Promise<void> {
  if (inputs++ % ENGINE_INPUTS_MAX === 0) apis = await startApis();
  const source = new ByteSource(input);
  const api = apis[source.below(2)];
  if (api === undefined) return;
  const socket = new InMemorySocket();
  const connection = new PlainConnection({
    socket: socket.asSocket,
    limits: LIMITS,
    keepAliveS: 5,
    now: () => 0,
    budget: ingressSettings.budget,
    noRoom: () => NO_ROOM,
    handle: (req, res) => api.handler(req, res),
    handOver: (bytes) => {
      socket.unshift(bytes);
      api.server.emit("connection", socket);
    },
    onEnd: () => {},
  });
  for (let chunks = 0; chunks < CHUNKS_MAX && !source.isEmpty; chunks++) {
    if (socket.destroyed) break;
    socket.push(chunks === CHUNKS_MAX - 1 ? source.rest() : source.bytes());
    await turn();
  }
  for (let turns = 0; turns < TURNS; turns++) await turn();
  checkAnswers(socket.sent);
  socket.destroy();
  await turn();
  require(!connection.isOpen, "a connection that is open without its socket");
  checkProposed();
  const [defect] = defects.splice(0);
  if (defect !== undefined) throw defect instanceof Error ? defect : new Finding(inspect(defect));
}

/** What was accepted must fit into the log, which the engine behind these APIs does not have. */
function checkProposed(): void {
  const records = proposed.slice(checkedRecords);
  checkedRecords = proposed.length;
  writer.clear();
  for (const body of records) encodeRecord(writer, { at: 0, body });
}

/** What is sent is a sequence of responses, and none of them says more about us than it should. */
function checkAnswers(sent: string): void {
  require(sent === "" || /^HTTP\/1\.1 \d{3} /.test(sent), "something else than a response", sent);
  require(!/\bnode:internal|\.ts:\d+/.test(sent), "a stack trace in an answer", sent);
  require(!sent.startsWith("HTTP/1.1 500 ") ||
    defects.length > 0, "an internal error that nobody heard of", sent);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function request(api: number, line: string, body?: unknown): Uint8Array {
  const text = body === undefined ? "" : JSON.stringify(body);
  const length =
    body === undefined
      ? ""
      : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n`;
  const host = "host: localhost\r\nsec-fetch-site: none\r\n";
  return Buffer.concat([Uint8Array.of(api), sized(`${line} HTTP/1.1\r\n${host}${length}\r\n${text}`)]);
}

export const httpApi: Target = {
  name: "http-api",
  decodes: "connections, bodies, queries and routes of ingress and admin",
  seeds: () => [
    request(0, "POST /Greeter/greet", { name: "Ada", friends: ["Bob"] }),
    request(0, "POST /Greeter/echo/send?delay=1h", [1]),
    request(0, "POST /Counter/visits/add", 1),
    request(0, "POST /Deploy/k/run/send", {}),
    request(0, "GET /restate/health"),
    request(0, `GET /restate/invocation/${ID}/attach`),
    request(0, "POST /restate/lookup", { target: "workflow", workflowName: "Deploy", workflowKey: "k" }),
    request(0, "POST /restate/output", {
      target: "idempotentInvocation",
      service: "Greeter",
      handler: "echo",
      idempotencyKey: "a",
    }),
    request(0, "POST /restate/awakeables/sign_1AAAA/resolve", { ok: true }),
    request(0, "POST /restate/promises/Deploy/k/approval/resolve", { by: "Ada" }),
    ...[
      "/health",
      "/limits",
      "/config",
      "/version",
      "/services",
      "/services/Greeter",
      "/deployments",
      "/invocations",
    ].map((path) => request(1, `GET ${path}`)),
    request(1, `GET /invocations/${ID}/journal?from=1&limit=5`),
    request(1, "GET /invocations?status=running,paused&limit=2&service=Greeter&createdAfter=2030-01-01"),
    request(1, "POST /invocations/bulk", {
      action: "cancel",
      filter: { status: ["running"] },
      dryRun: true,
      limit: 5,
    }),
    request(1, "POST /deployments", { url: "http://localhost:9080", headers: { a: "b" }, force: true }),
    request(1, `POST /invocations/${ID}/restart`, { fromCommand: 1 }),
    request(1, `PATCH /invocations/${ID}/reschedule`, { at: "2031-01-01" }),
    request(1, `PATCH /invocations/${ID}/reschedule`, { delay: "1h" }),
    request(1, "PUT /services/Counter/state/visits", { expectedVersion: 0, entries: { n: 1 } }),
    request(1, "PATCH /services/Counter/state/visits", { entries: { n: 1 }, expectedVersion: 1 }),
    request(1, "GET /services/Counter/state/visits"),
    request(1, "GET /services/Deploy/promises/k/approval"),
    request(1, "POST /services/Deploy/promises/k/approval/resolve", { by: "Ada" }),
    Buffer.concat([
      Uint8Array.of(0),
      sized("POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\n\r\n"),
      sized('"ab'),
      sized('c"'),
    ]),
    Buffer.concat([
      Uint8Array.of(0),
      sized(
        "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
      ),
    ]),
  ],
  tokens: [
    [
      "GET ",
      "POST ",
      "PUT ",
      "DELETE ",
      "PATCH ",
      " HTTP/1.1\r\n",
      "host: localhost\r\n",
      "content-length: 0\r\n",
      "\r\n\r\n",
      "?",
      "&",
      "=",
    ],
    [
      "idempotency-key: a\r\n",
      "x-restate-id: a\r\n",
      "origin: http://a\r\n",
      "content-encoding: gzip\r\n",
      "expect: 100-continue\r\n",
    ],
    [
      "limit=",
      "delay=",
      "status=",
      "cursor=",
      "after=",
      "service=",
      "-1",
      "1e9",
      "9007199254740992",
      "PT1H",
      "/send",
      "/attach",
      "/output",
    ],
    [
      "/invocations/",
      "/restate/",
      "/state/",
      "/promises/",
      "/services/",
      "/deployments/",
      "/journal",
      "/query",
      "/cancel",
      "/kill",
      "/restart",
    ],
    [
      '{"',
      '":',
      '"__proto__":',
      "[",
      "[[",
      "null",
      '"constructor"',
      '{"target":',
      '"filter":{',
      '"ids":[',
      '"entries":{',
      "%2f",
      "%00",
      "%F0%9F",
    ],
    ID,
  ].flat(),
  hasJson: true,
  run,
};
