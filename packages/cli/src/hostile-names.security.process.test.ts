/** Names and values that programs written in JavaScript stumble over, through everything that takes JSON, in a process that throws. */
import assert from "node:assert/strict";
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import {
  holdfast,
  HoldfastProcess,
  temporaryDirectory,
  type Json,
} from "./testing/holdfast-process.contract.ts";

const TIMEOUT = { timeout: 60_000 };
/** Whoever assigns to or reads the accessor gets an error instead of another prototype. */
const STRICT = { NODE_OPTIONS: "--disable-proto=throw" };
const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
  "valueOf",
];

/** Services called "constructor" and so on, with state and promises of such names. */
const SERVICES = `import { object, service, TerminalError, workflow } from "@holdfast/sdk";
const anything = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as const;
const handlers = {
  echo: async (ctx, value: unknown) => {
    if ({}.polluted !== undefined) throw new TerminalError("polluted");
    return ctx.run("__proto__", () => value);
  },
  constructor: async () => "made",
  fail: async (ctx, data: unknown) => {
    throw new TerminalError("__proto__", { code: "constructor", data });
  },
};
export const service1 = service("constructor", handlers);
export const service2 = service("toString", handlers);
export const things = object("things", {
  put: async (ctx, [name, value]: [string, unknown]) => {
    ctx.state.set(name, value);
    return ctx.state.get(name);
  },
  all: async (ctx) => {
    const names = await ctx.state.keys();
    return Promise.all(names.map(async (name) => [name, await ctx.state.get(name)]));
  },
});
export const flow = workflow("flow", { promises: { constructor: anything, valueOf: anything } }, async (ctx) => [
  await ctx.promise("constructor"),
  await ctx.promise("valueOf"),
]);
`;

/** JSON text in which every object has this name as a key, as a program would not write it. */
function hostile(name: string): string {
  return `{"a":1,"${name}":{"polluted":true,"${name}":[{"${name}":"deep"}]}}`;
}

const directory = temporaryDirectory();
let dev: HoldfastProcess;
let ingressUrl: string;
let adminUrl: string;

before(async () => {
  const path = realpathSync(directory.path);
  const sdk = dirname(dirname(dirname(fileURLToPath(import.meta.resolve("@holdfast/sdk")))));
  mkdirSync(join(path, "node_modules", "@holdfast"), { recursive: true });
  symlinkSync(sdk, join(path, "node_modules", "@holdfast", "sdk"), "dir");
  writeFileSync(join(path, "services.ts"), SERVICES);
  const ports = ["--ingress-port", "0", "--admin-port", "0"];
  dev = new HoldfastProcess(["dev", "services.ts", ...ports, "--json"], {
    directory: path,
    variables: STRICT,
  });
  const server = await dev.event("server");
  ingressUrl = server["ingressUrl"];
  adminUrl = server["adminUrl"];
  await dev.event("ready");
});

after(async () => {
  await dev[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

async function ask(
  url: string,
  body?: string,
  method = "POST",
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, text: await response.text() };
}

function command(...words: readonly string[]) {
  return holdfast(words, {
    variables: { ...STRICT, HOLDFAST_INGRESS_URL: ingressUrl, HOLDFAST_ADMIN_URL: adminUrl },
  });
}

test("values with such keys come back from handlers as they were, text for text", TIMEOUT, async () => {
  for (const service of ["constructor", "toString"]) {
    for (const name of NAMES) {
      assert.deepEqual(await ask(`${ingressUrl}/${service}/echo`, hostile(name)), {
        status: 200,
        text: hostile(name),
      });
    }
  }
  assert.deepEqual(await ask(`${ingressUrl}/constructor/constructor`, ""), { status: 200, text: '"made"' });
});

test("such names are as good as others for keys, state, idempotency keys and promises", TIMEOUT, async () => {
  for (const name of NAMES) {
    const put = await ask(
      `${ingressUrl}/things/${name}/put`,
      JSON.stringify([name, { [name + "!"]: name }]),
      "POST",
      {
        "idempotency-key": name,
      },
    );
    assert.deepEqual(put, { status: 200, text: JSON.stringify({ [name + "!"]: name }) });
    const all = await ask(`${ingressUrl}/things/${name}/all`, "");
    assert.deepEqual(JSON.parse(all.text), [[name, { [name + "!"]: name }]]);
    const state = await ask(`${adminUrl}/services/things/state/${name}`, undefined, "GET");
    assert.equal(state.status, 200, state.text);
    assert.ok(state.text.includes(`"${name}"`), state.text);
  }
});

test("a workflow's promises may have such names, and only declared ones exist", TIMEOUT, async () => {
  assert.equal((await ask(`${ingressUrl}/flow/__proto__/run/send`, "null")).status, 202);
  for (const name of ["constructor", "valueOf"]) {
    const settled = await command("promises", "resolve", "flow/__proto__", name, hostile("constructor"));
    assert.equal(settled.code, 0, settled.stderr);
  }
  const outcome = await ask(`${ingressUrl}/restate/workflow/flow/__proto__/attach`, undefined, "GET");
  assert.equal(outcome.text, `[${hostile("constructor")},${hostile("constructor")}]`);
});

test("failures with such names and data are answered as failures", TIMEOUT, async () => {
  for (const name of NAMES) {
    const { status, text } = await ask(`${ingressUrl}/constructor/fail`, hostile(name));
    assert.equal(status, 500);
    const answer = JSON.parse(text) as Json;
    assert.equal(answer.message, "__proto__");
    assert.equal(JSON.stringify(answer.details.data), hostile(name));
  }
});

test(
  "the admin API refuses keys that occur twice and __proto__, and knows no other key it was not made for",
  TIMEOUT,
  async () => {
    const bodies = [
      '{"url":"http://127.0.0.1:1","url":"http://127.0.0.1:2"}',
      '{"url":"http://127.0.0.1:1","__proto__":{"force":true}}',
      '{"url":"http://127.0.0.1:1","\\\\u005f_proto__":{"force":true}}',
      '{"url":"http://127.0.0.1:1","constructor":{"prototype":{"polluted":true}}}',
      '{"url":"http://127.0.0.1:1","prototype":1}',
      '{"url":"http://127.0.0.1:1","metadata":{"a":"1","a":"2"}}',
      '{"url":"http://127.0.0.1:1","additionalHeaders":{"__proto__":"x"}}',
    ];
    for (const body of bodies) {
      const { status, text } = await ask(`${adminUrl}/deployments`, body);
      assert.equal(status, 400, `${body}: ${text}`);
    }
  },
);

test("the command line takes such JSON and hands it on unharmed", TIMEOUT, async () => {
  for (const name of NAMES) {
    const called = await command("call", "constructor/echo", hostile(name), "--json");
    assert.equal(called.code, 0, called.stderr);
    assert.equal(called.stdout.trim(), hostile(name));
  }
});

test(
  "no object in the handlers' process has got a property by all this, and the engine goes on",
  TIMEOUT,
  async () => {
    // The handler looks at an object of its own.
    const { status, text } = await ask(`${ingressUrl}/constructor/echo`, "1");
    assert.deepEqual([status, text], [200, "1"]);
    for (const path of ["/health", "/deployments", "/services", "/invocations", "/config", "/limits"])
      assert.equal((await ask(adminUrl + path, undefined, "GET")).status, 200, path);
  },
);
