/** Every command that talks to a server, by the real program against a real server. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { handler, object, serve, service, TerminalError, workflow, type ServedEndpoint } from "@holdfast/sdk";
import { z } from "zod";

import {
  holdfast,
  HoldfastProcess,
  temporaryDirectory,
  type Json,
  type Ended,
} from "./testing/holdfast-process.contract.ts";

const TIMEOUT = { timeout: 60_000 };

const greeter = service("greeter", {
  greet: handler({ input: z.object({ name: z.string() }) }, async (_ctx, { name }) => `Hello ${name}`),
  fail: async () => {
    throw new TerminalError("not today", { code: "closed", status: 409 });
  },
  nothing: async () => {},
  echo: async (ctx, value: unknown) => ({ value, tag: ctx.headers.get("x-tag") }),
});
const counter = object("counter", {
  add: async (ctx, by: number) => {
    const value = ((await ctx.state.get<number>("value")) ?? 0) + by;
    ctx.state.set("value", value);
    return value;
  },
});
const sleeper = service("sleeper", {
  nap: async (ctx, duration: "1d") => {
    await ctx.run("lie down", () => "comfortable");
    await ctx.sleep(duration);
  },
});
const deploy = workflow(
  "deploy",
  { promises: { approval: z.object({ ok: z.boolean() }), smoke: z.string() } },
  async (ctx, app: string) => {
    const { ok } = await ctx.promise("approval");
    return `${app} ${ok ? "live" : "rejected"}`;
  },
);

const directory = temporaryDirectory();
let server: HoldfastProcess;
let handlers: ServedEndpoint;
let variables: Readonly<Record<string, string>>;

before(async () => {
  handlers = await serve({ services: [greeter, counter, sleeper, deploy], port: 0, log: () => {} });
  const ports = ["--ingress-port", "0", "--admin-port", "0"];
  server = new HoldfastProcess(["serve", "--data", directory.path, ...ports, "--json"]);
  const { ingressUrl, adminUrl } = await server.event("ready");
  variables = { HOLDFAST_INGRESS_URL: ingressUrl, HOLDFAST_ADMIN_URL: adminUrl };
  const registered = await run("deployments", "register", handlers.url);
  assert.equal(registered.code, 0, registered.stderr);
  assert.match(registered.stdout, /added +greeter +revision 1/);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await handlers.close();
  directory[Symbol.dispose]();
});

function run(...words: readonly string[]): Promise<Ended> {
  return holdfast(words, { variables });
}

/** The one JSON document that a command prints. */
async function json(...words: readonly string[]): Promise<Json> {
  const { code, stdout, stderr } = await run(...words, "--json");
  assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

async function lines(...words: readonly string[]): Promise<Json[]> {
  const { code, stdout, stderr } = await run(...words, "--json");
  assert.equal(code, 0, stderr);
  return stdout
    .trimEnd()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Refused in this way. How a refusal looks to people, unit tests tell. */
async function refused(code: number, error: string, ...words: readonly string[]): Promise<Json> {
  const ended = await run(...words, "--json");
  assert.deepEqual([ended.code, ended.stdout], [code, ""], `${words.join(" ")}: ${ended.stderr}`);
  const failure = JSON.parse(ended.stderr);
  assert.deepEqual([failure.error, failure.exitCode], [error, code]);
  assert.ok(failure.hint.length > 0);
  return failure;
}

async function send(...words: readonly string[]): Promise<string> {
  const { invocationId } = await json("send", ...words);
  return invocationId;
}

/** Polls, since what happens in the server is not what a command waits for. */
async function untilStatus(id: string, status: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${variables["HOLDFAST_ADMIN_URL"]}/invocations/${id}`);
    const detail = (await response.json()) as { readonly status: string };
    if (detail.status === status) return;
  }
}

test("call prints the result, in words and for programs", TIMEOUT, async () => {
  const called = await run("call", "greeter/greet", '{"name":"Ada"}');
  assert.deepEqual([called.code, called.stdout, called.stderr], [0, '"Hello Ada"\n', ""]);
  assert.deepEqual(await json("call", "greeter/echo", '{"a":[1,2]}', "--header", "x-tag: seven"), {
    value: { a: [1, 2] },
    tag: "seven",
  });
  assert.equal((await run("call", "greeter/nothing")).stdout, "");
  assert.equal(await json("call", "greeter/nothing"), null);
  const path = join(directory.path, "input.json");
  writeFileSync(path, '{"name":"File"}');
  assert.equal(await json("call", "greeter/greet", `@${path}`), "Hello File");
  const piped = await holdfast(["call", "greeter/greet", "-"], { variables, stdin: '{"name":"Pipe"}' });
  assert.equal(piped.stdout, '"Hello Pipe"\n');
  assert.equal(await json("call", "counter/a/b/add", "2"), 2);
  assert.equal(await json("call", "counter/add", "2", "--key", "a/b"), 4);
  const date = '{"value":{"$date":"2030-01-01T00:00:00.000Z"}}';
  assert.deepEqual((await json("call", "greeter/echo", date)).value, JSON.parse(date));
});

test("a call that fails says why, and where it is about an invocation, which", TIMEOUT, async () => {
  const failed = await run("call", "greeter/fail");
  assert.deepEqual([failed.code, failed.stdout], [1, ""]);
  assert.match(failed.stderr, /^Error: not today\nHint: .*\nId: +inv_1\w+\nCode: +closed\n$/);
  await refused(3, "service-not-found", "call", "gretter/greet");
  await refused(3, "handler-not-found", "call", "greeter/gret");
  await refused(1, "input-invalid", "call", "greeter/greet", '{"nme":1}');
  await refused(1, "timeout", "call", "sleeper/nap", '"1d"', "--timeout", "1ms");
  await run("call", "greeter/echo", "1", "--idempotency-key", "once");
  await refused(4, "idempotency-conflict", "call", "greeter/echo", "2", "--idempotency-key", "once");
});

test("send prints the id, and attach waits for the outcome", TIMEOUT, async () => {
  const sent = await run("send", "greeter/greet", '{"name":"Bob"}');
  assert.match(sent.stdout, /^inv_1\w{33}\n$/);
  const id = sent.stdout.trim();
  assert.equal(await json("invocations", "attach", id), "Hello Bob");
  const again = await json("send", "greeter/echo", "1", "--idempotency-key", "twice");
  const repeated = await json("send", "greeter/echo", "1", "--idempotency-key", "twice");
  assert.deepEqual([again.status, repeated.status], ["Accepted", "PreviouslyAccepted"]);
  assert.equal(repeated.invocationId, again.invocationId);
  const failing = await send("greeter/fail");
  await refused(1, "closed", "invocations", "attach", failing);
});

test("deployments: list, describe by a prefix, register again, remove", TIMEOUT, async () => {
  const [deployment] = await json("deployments", "list");
  assert.equal(deployment.url, handlers.url);
  assert.match(
    (await run("deployments", "list")).stdout,
    /^ID +STATUS +ACTIVE +CREATED +URL +SERVICES\ndp_1/,
  );
  assert.equal((await json("deployments", "describe", deployment.id.slice(0, 12))).id, deployment.id);
  assert.match(
    (await run("deployments", "describe", deployment.id)).stdout,
    /\nSDK +holdfast-sdk-typescript/,
  );
  assert.equal((await json("deployments", "register", handlers.url)).created, false);
  assert.equal((await json("deployments", "register", handlers.url, "--dry-run")).dryRun, true);
  await refused(3, "deployment-not-found", "deployments", "describe", "dp_1zzzz");
  await refused(1, "deployment-unreachable", "deployments", "register", "http://127.0.0.1:1");

  const second = await serve({
    services: [service("extra", { go: async () => {} })],
    port: 0,
    log: () => {},
  });
  try {
    const words = ["--metadata", "commit=4f2a", "--header", "x-a: b"];
    const { deployment: extra } = await json("deployments", "register", second.url, ...words);
    assert.deepEqual(extra.metadata, { commit: "4f2a" });
    assert.deepEqual(extra.additionalHeaders, ["x-a"]);
    assert.equal((await run("deployments", "remove", extra.id)).stdout, `${extra.id} removed\n`);
  } finally {
    await second.close();
  }
  const id = await send("sleeper/nap", '"1d"');
  await untilStatus(id, "suspended");
  await refused(4, "deployment-in-use", "deployments", "remove", deployment.id);
  await refused(2, "usage", "deployments", "remove", deployment.id, "--force");
  await json("invocations", "kill", id);
});

test("services: list and describe, with lines to call them", TIMEOUT, async () => {
  const names = (await json("services", "list")).map(({ name }: { name: string }) => name);
  assert.deepEqual(names, ["counter", "deploy", "greeter", "sleeper"]);
  assert.match((await run("services", "list")).stdout, /\ncounter +object +1 +dp_1\w+ +add\n/);
  assert.equal((await json("services", "describe", "deploy")).kind, "workflow");
  const { stdout } = await run("services", "describe", "greeter");
  assert.match(stdout, /curl http:\S+\/greeter\/greet --json '\{"name":"name"\}'/);
  assert.match((await refused(3, "service-not-found", "services", "describe", "greter")).hint, /"greeter"/);
});

test("invocations: list and describe, by address, filter and prefix", TIMEOUT, async () => {
  const id = await send("counter/listed/add", "1");
  assert.equal(await json("invocations", "attach", id), 1);
  for (const words of [["counter/listed"], ["counter/listed/add"], ["counter", "--key", "listed"], [id]]) {
    const found = await lines("invocations", "list", ...words);
    assert.deepEqual(
      found.map((summary) => summary.id),
      [id],
      words.join(" "),
    );
  }
  assert.deepEqual(await lines("invocations", "list", "counter/listed", "--status", "paused"), []);
  assert.equal((await lines("invocations", "list", "--limit", "1")).length, 1);
  const cut = await run("invocations", "list", "--limit", "1");
  assert.match(cut.stdout, /^ID +TARGET +STATUS +CREATED +NOTE\n\S+ +\S+.*\n$/);
  assert.match(cut.stderr, /There are more/);
  assert.ok((await lines("invocations", "list", "--all")).length > 1);
  assert.match((await run("invocations", "list", "counter/nobody")).stderr, /No invocation matches/);

  const shown = await run("invocations", "describe", id.slice(0, -3));
  assert.match(shown.stdout, new RegExp(`^${id}  counter/listed/add\\n\\nStatus +completed\\n`));
  assert.match(shown.stdout, /Journal \(\d+ entries\)\n *# +COMMAND +TYPE/);
  await refused(3, "invocation-not-found", "invocations", "describe", "inv_1zzzzzz");
  await send("counter/listed/add", "1");
  const ambiguous = await refused(4, "invocation-id-ambiguous", "invocations", "describe", id.slice(0, 14));
  assert.equal(ambiguous.details.candidates[0].target, "counter/listed/add");
  await refused(3, "service-not-found", "invocations", "list", "nobody/x");
  await refused(2, "usage", "invocations", "list", "greeter/gret");
});

test("cancel, kill, pause, resume and purge one invocation", TIMEOUT, async () => {
  const [cancelled, killed] = await Promise.all([send("sleeper/nap", '"1d"'), send("sleeper/nap", '"1d"')]);
  await Promise.all([untilStatus(cancelled, "suspended"), untilStatus(killed, "suspended")]);
  assert.match((await run("invocations", "pause", cancelled)).stdout, /paused\n$/);
  assert.equal((await json("invocations", "pause", cancelled)).outcome, "unchanged");
  assert.equal((await json("invocations", "resume", cancelled, "--on", "keep")).outcome, "done");
  await json("invocations", "cancel", cancelled);
  await untilStatus(cancelled, "completed");
  assert.match((await run("invocations", "list", cancelled)).stdout, /failed/);
  assert.equal((await run("invocations", "kill", killed)).stdout, `${killed} killed\n`);
  await refused(4, "invocation-completed", "invocations", "kill", killed);
  assert.equal((await json("invocations", "purge", killed, "--journal-only")).outcome, "done");
  assert.equal((await json("invocations", "describe", killed)).journalKept, false);
  assert.equal((await json("invocations", "purge", killed)).outcome, "done");
  await refused(3, "invocation-not-found", "invocations", "purge", killed);
});

test("restart begins anew, reschedule moves a start", TIMEOUT, async () => {
  const id = await send("greeter/greet", '{"name":"Eve"}');
  await json("invocations", "attach", id);
  const restarted = await json("invocations", "restart", id);
  assert.equal(await json("invocations", "attach", restarted.newInvocationId), "Hello Eve");
  await refused(1, "restart-point-invalid", "invocations", "restart", id, "--from", "99");
  const later = await json("send", "greeter/greet", '{"name":"Late"}', "--delay", "3d");
  assert.ok(Date.parse(later.executionTime) > Date.now());
  assert.match(
    (await run("invocations", "list", later.invocationId)).stdout,
    /scheduled .* starts in (3d|2d 23h)/,
  );
  assert.equal(
    (await json("invocations", "reschedule", later.invocationId, "--delay", "5d")).outcome,
    "done",
  );
  await json("invocations", "reschedule", later.invocationId);
  assert.equal(await json("invocations", "attach", later.invocationId), "Hello Late");
});

test("an action on several asks, does them all, and reports what failed", TIMEOUT, async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => send("sleeper/nap", '"1d"')));
  await Promise.all(ids.map((id) => untilStatus(id, "suspended")));
  const asked = await run("invocations", "cancel", "sleeper");
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /nobody to ask: Cancel \d invocations\?/);

  const looked = await run("invocations", "kill", "sleeper/nap", "--status", "suspended", "--dry-run");
  assert.match(looked.stdout, /\n\d would be killed\.\n$/);
  const [first = "", second = "", ...rest] = ids;
  const named = await run("invocations", "kill", first, second, "inv_1zzzzzzz", "-y");
  assert.equal(named.code, 1);
  assert.match(named.stdout, /2 of 3 killed\./);
  assert.match(named.stderr, /1 failed:\n {2}inv_1zzzzzzz .*\(invocation-not-found\)/);
  const limited = await json("invocations", "kill", "sleeper", "--limit", "1", "--status", "suspended", "-y");
  assert.deepEqual([limited.matched, limited.done], [1, 1]);
  const all = await json("invocations", "kill", "sleeper", "-y");
  assert.equal(all.done, all.matched);
  assert.ok(all.done >= rest.length - 1);
  assert.equal((await json("invocations", "kill", "sleeper", "-y")).matched, 0);
  assert.match((await run("invocations", "kill", "sleeper")).stdout, /No invocation matches/);
});

test("state: list, get, set, patch, clear", TIMEOUT, async () => {
  await json("call", "counter/stated/add", "5");
  assert.deepEqual((await json("state", "get", "counter/stated")).entries, { value: 5 });
  assert.equal(await json("state", "get", "counter/stated", "value"), 5);
  assert.match(
    (await run("state", "get", "counter/stated")).stdout,
    /version 1, not locked\nNAME +VALUE\nvalue +5\n/,
  );
  assert.match(
    (await refused(3, "state-entry-not-found", "state", "get", "counter/stated", "vale")).hint,
    /"value"/,
  );

  assert.equal((await json("state", "set", "counter/stated", "value=7", 'label="x"')).version, 2);
  await refused(
    4,
    "state-version-conflict",
    "state",
    "set",
    "counter/stated",
    "value=8",
    "--expect-version",
    "1",
  );
  assert.equal(await json("call", "counter/stated/add", "1"), 8);
  await json("state", "patch", "counter/stated", '{"extra":{"a":1}}', "--remove", "label");
  assert.deepEqual((await json("state", "get", "counter/stated")).entries, { value: 8, extra: { a: 1 } });
  await json("state", "patch", "counter/stated", '{"value":1}', "--replace");
  assert.deepEqual((await json("state", "get", "counter/stated")).entries, { value: 1 });

  const keys = (await lines("state", "list", "counter", "--all")).map(({ key }) => key);
  assert.ok(keys.includes("stated"));
  assert.match((await run("state", "list", "counter", "--limit", "1")).stderr, /There are more/);
  await refused(2, "usage", "state", "clear", "counter/stated");
  await json("state", "set", "counter/stated", "other=1");
  await json("state", "clear", "counter/stated", "other");
  assert.deepEqual((await json("state", "get", "counter/stated")).entries, { value: 1 });
  await json("state", "clear", "counter/stated", "-y");
  assert.deepEqual((await json("state", "get", "counter/stated")).entries, {});
  await refused(1, "state-not-allowed", "state", "get", "greeter/x");
});

test("promises: list, peek, resolve, reject", TIMEOUT, async () => {
  const id = await send("deploy/shop@42/run", '"shop"');
  let promises: Json[];
  do promises = await json("promises", "list", "deploy/shop@42");
  while (!promises.some(({ name, waiting }) => name === "approval" && waiting[0] === id));
  const listed = await run("promises", "list", "deploy/shop@42");
  assert.match(listed.stdout, /approval +pending +awaited by inv_1/);
  assert.equal((await json("promises", "peek", "deploy/shop@42", "approval")).status, "pending");
  await refused(1, "input-invalid", "promises", "resolve", "deploy/shop@42", "approval", '{"ok":1}');
  const resolved = await json("promises", "resolve", "deploy/shop@42", "approval", '{"ok":true}');
  assert.deepEqual(resolved, { settled: "now", status: "resolved", value: { ok: true } });
  assert.equal(await json("invocations", "attach", id), "shop live");
  const again = await json("promises", "resolve", "deploy/shop@42", "approval", '{"ok":true}');
  assert.equal(again.settled, "already");
  await refused(
    4,
    "promise-already-completed",
    "promises",
    "reject",
    "deploy/shop@42",
    "approval",
    "too late",
  );
  assert.match((await run("promises", "peek", "deploy/shop@42", "approval")).stdout, /Value +\{"ok":true\}/);

  await send("deploy/mail@1/run", '"mail"');
  const rejected = await run("promises", "reject", "deploy/mail@1", "smoke", "it burns");
  assert.deepEqual([rejected.code, rejected.stdout], [0, "rejected with 500: it burns\n"]);
  await refused(3, "promise-not-found", "promises", "peek", "deploy/shop@42", "aproval");
  await refused(3, "workflow-not-found", "promises", "peek", "deploy/nobody", "approval");
});

test("health, limits, config and version tell of the server", TIMEOUT, async () => {
  const health = await json("health", "--counts");
  assert.equal(health.status, "ok");
  assert.ok(health.invocations.completed > 0);
  assert.match((await run("health")).stdout, /^Status +ok\n/);
  const limits = await json("limits");
  assert.ok(limits.some(({ configKey }: { configKey: string }) => configKey === "ingress.bodyBytesMax"));
  assert.match((await run("limits")).stdout, /\ningress\.bodyBytesMax +10 MiB +default +body-too-large /);
  assert.match((await run("config", "--changed")).stdout, /\ningress\.port +0 +argument /);
  const version = await json("version", "--server");
  assert.equal(version.server.version, version.version);
});

test("a reader that stops reading is no error", TIMEOUT, async () => {
  const child = new HoldfastProcess(["invocations", "list", "--all"], { variables, closeOutput: true });
  assert.equal((await child.ended).code, 0);
});
