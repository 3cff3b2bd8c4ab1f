/**
 * One real server, secrets in every field that takes something, and then a search for them: in what it printed, in its
 * answers, in its files. Also who may read those files, with a umask that forbids nothing.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { object, serve, service, TerminalError, workflow, type ServedEndpoint } from "@holdfast/sdk";

import {
  holdfast,
  HoldfastProcess,
  temporaryDirectory,
  type Ended,
} from "./testing/holdfast-process.contract.ts";

const TIMEOUT = { timeout: 60_000 };
/** Ends a line, moves the cursor, sets the window's title, and looks like a log line of the server. */
const HOSTILE = "\u001b[2J\u001b]0;owned\u0007\r\nholdfast: all is well";
let last = 0;
/** Never the same twice, so that a find tells which field leaked. */
function canary(what: string): string {
  last += 1;
  return `canary-${what}-${last}-${process.pid}`;
}

/** What must be in no log, no error answer and no file. */
const credentials = {
  adminToken: canary("admin-token"),
  authorization: canary("authorization"),
  proxyAuthorization: canary("proxy-authorization"),
  cookie: canary("cookie"),
  apiKey: canary("api-key"),
  authToken: canary("auth-token"),
  unlisted: canary("unlisted-header"),
};
/** What is business data: in the files, where the handlers' owner wants it, and in nothing that is printed. */
const data = {
  input: canary("input"),
  malformed: canary("malformed-body"),
  key: canary("key"),
  idempotencyKey: canary("idempotency-key"),
  header: canary("kept-header"),
  step: canary("step"),
  state: canary("state"),
  promise: canary("promise"),
  error: canary("error-message"),
  output: canary("output"),
};

const vault = object("vault", {
  keep: async (ctx, value: string) => {
    ctx.state.set("kept", `${value} ${data.state}`);
    await ctx.run("step", () => data.step);
    return data.output;
  },
  refuse: async () => {
    throw new TerminalError(data.error);
  },
  broken: async (ctx) => {
    ctx.log.warn(`about to fail${HOSTILE}`);
    throw new Error(`${data.error}${HOSTILE}`);
  },
});
const anything = {
  "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) },
} as const;
const flow = workflow("flow", { promises: { secret: anything } }, async (ctx) => ctx.promise("secret"));
const plain = service("plain", { echo: async (_ctx, value: unknown) => value });

const directory = temporaryDirectory();
const dataDirectory = join(directory.path, "data");
let handlers: ServedEndpoint;
let server: HoldfastProcess;
let ended: Ended;
let ingressUrl: string;
let adminUrl: string;
/** Everything that was answered to requests that were refused. */
const refusals: string[] = [];
const variables: Record<string, string> = {};

before(async () => {
  handlers = await serve({ services: [vault, flow, plain], port: 0, log: () => {} });
  const configFile = join(directory.path, "config.json");
  writeFileSync(configFile, JSON.stringify({ admin: { token: credentials.adminToken } }), { mode: 0o600 });
  const umask = process.umask(0);
  const words = [
    "serve",
    "--data",
    dataDirectory,
    "--ingress-port",
    "0",
    "--admin-port",
    "0",
    "--config",
    configFile,
    "--json",
  ];
  server = new HoldfastProcess([...words, "--set", "checkpoint.interval=100ms"]);
  process.umask(umask);
  const ready = await server.event("ready");
  ingressUrl = ready["ingressUrl"];
  adminUrl = ready["adminUrl"];
  Object.assign(variables, {
    HOLDFAST_INGRESS_URL: ingressUrl,
    HOLDFAST_ADMIN_URL: adminUrl,
    HOLDFAST_TOKEN: credentials.adminToken,
  });
  const registered = await holdfast(["deployments", "register", handlers.url], { variables });
  assert.equal(registered.code, 0, registered.stderr);
  await useEverything();
  server.kill("SIGTERM");
  ended = await server.ended;
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await handlers.close();
  directory[Symbol.dispose]();
});

const secretHeaders = {
  authorization: `Bearer ${credentials.authorization}`,
  "proxy-authorization": credentials.proxyAuthorization,
  cookie: `session=${credentials.cookie}`,
  "x-api-key": credentials.apiKey,
  "x-auth-token": credentials.authToken,
  "my-own-secret": credentials.unlisted,
  "x-kept": data.header,
};

type Asked = {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

async function ask(
  url: string,
  init: Asked = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, {
    method: "POST",
    ...init,
    headers: { "content-type": "application/json", ...secretHeaders, ...init.headers },
  });
  return { status: response.status, text: await response.text() };
}

async function refused(url: string, init: Asked = {}): Promise<void> {
  const { status, text } = await ask(url, init);
  assert.ok(status >= 400, `${url}: ${status}`);
  refusals.push(text);
}

async function useEverything(): Promise<void> {
  const admin = { authorization: `Bearer ${credentials.adminToken}` };
  const key = encodeURIComponent(data.key);
  const kept = await ask(`${ingressUrl}/vault/${key}/keep`, {
    body: JSON.stringify(data.input),
    headers: { "idempotency-key": data.idempotencyKey },
  });
  assert.deepEqual(kept, { status: 200, text: JSON.stringify(data.output) });
  await ask(`${ingressUrl}/vault/${key}/refuse`);
  await ask(`${ingressUrl}/vault/${encodeURIComponent(HOSTILE)}/broken/send`);
  await ask(`${ingressUrl}/flow/one/run/send`);
  const settled = await holdfast(
    ["promises", "resolve", "flow/one", "secret", JSON.stringify(data.promise)],
    { variables },
  );
  assert.equal(settled.code, 0, settled.stderr);

  await refused(`${ingressUrl}/plain/echo`, { body: `{"${data.malformed}` });
  await refused(`${ingressUrl}/plain/echo`, { body: data.malformed });
  await refused(`${ingressUrl}/plain/echo`, {
    body: data.malformed,
    headers: { "content-type": "text/plain" },
  });
  await refused(`${ingressUrl}/plain/nothing`, { body: JSON.stringify(data.input) });
  await refused(`${ingressUrl}/vault/${key}/keep`, {
    body: JSON.stringify(`other ${data.input}`),
    headers: { "idempotency-key": data.idempotencyKey },
  });
  await refused(`${adminUrl}/invocations`, {
    method: "GET",
    headers: { authorization: `Bearer ${credentials.authorization}` },
  });
  await refused(`${adminUrl}/deployments`, { body: `{"url":"${data.malformed}`, headers: admin });
  const config = await ask(`${adminUrl}/config`, { method: "GET", headers: admin });
  assert.equal(config.status, 200);
  refusals.push(config.text);
  const version = await ask(`${adminUrl}/version`, { method: "GET", headers: admin });
  assert.match(version.text, /"identityKey":"publickeyv1_/);
  assert.match(version.text, /"restateIdentityKey":"publickeyv1_[1-9A-HJ-NP-Za-km-z]{40,}"/);
}

function files(): string[] {
  return readdirSync(dataDirectory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test("nothing that was sent in is printed, and the server ended well", () => {
  assert.equal(ended.code, 0, ended.stderr);
  for (const secret of [...Object.values(credentials), ...Object.values(data)])
    assert.ok(!(ended.stdout + ended.stderr).includes(secret), secret);
});

test("the signing key is printed nowhere", () => {
  const pem = readFileSync(join(dataDirectory, "identity.pem"), "utf8");
  const [, body = ""] = /-----\n([^-]*)\n-----/.exec(pem) ?? [];
  assert.ok(body.length > 40);
  for (const text of [ended.stdout, ended.stderr, ...refusals]) assert.ok(!text.includes(body));
});

test("an answer that refuses does not repeat what was sent, and no answer shows a credential", () => {
  assert.ok(refusals.length >= 8);
  for (const answer of refusals) {
    for (const secret of [...Object.values(credentials), data.input, data.malformed, data.header])
      assert.ok(!answer.includes(secret), `${secret} in ${answer}`);
  }
});

test("credentials are in no file of the data directory, and headers that were not asked for are not either", () => {
  const found = files();
  assert.ok(found.length > 4);
  for (const path of found) {
    const content = readFileSync(path);
    for (const secret of Object.values(credentials))
      assert.ok(!content.includes(secret), `${secret} in ${path}`);
  }
  // The search finds what is there: a header that is kept, and the input.
  for (const kept of [data.header, data.input])
    assert.ok(
      found.some((path) => readFileSync(path).includes(kept)),
      kept,
    );
});

test("only the owner may look: directories 0700 and files 0600, also where the umask forbids nothing", () => {
  assert.equal(statSync(dataDirectory).mode & 0o777, 0o700);
  for (const entry of readdirSync(dataDirectory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    assert.equal(statSync(path).mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, path);
  }
});

test("control characters of others reach the terminal as escapes", TIMEOUT, async () => {
  const again = new HoldfastProcess([
    "serve",
    "--data",
    dataDirectory,
    "--ingress-port",
    "0",
    "--admin-port",
    "0",
    "--json",
  ]);
  await using running = again;
  const ready = await running.event("ready");
  const addresses = { HOLDFAST_INGRESS_URL: ready["ingressUrl"], HOLDFAST_ADMIN_URL: ready["adminUrl"] };
  const shown = async (...words: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await holdfast(words, { variables: addresses });
    return stdout + stderr;
  };
  const listed = await shown("invocations", "list", "--json");
  const ids = [...listed.matchAll(/inv_\w+/g)].map(([id]) => id);
  assert.ok(ids.length > 0);
  const outputs = [await shown("invocations", "list"), await shown("state", "list", "vault")];
  for (const id of new Set(ids)) outputs.push(await shown("invocations", "describe", id));
  assert.ok(
    outputs.some((text) => text.includes("\\u001b[2J")),
    "the key and the message are shown",
  );
  for (const text of outputs) assert.doesNotMatch(text, /(?![\t\n])\p{Cc}/u, JSON.stringify(text));
});
