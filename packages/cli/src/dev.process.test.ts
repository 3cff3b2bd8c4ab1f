/** `holdfast dev` as someone at work meets it: save, break, mend, crash, stop, start again. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import {
  holdfast,
  HoldfastProcess,
  isRunning,
  temporaryDirectory,
  type Event,
} from "./testing/holdfast-process.contract.ts";

const TIMEOUT = { timeout: 90_000 };
const PORTS = ["--ingress-port", "0", "--admin-port", "0"];

const SERVICES = `import { handler, service, workflow } from "@holdfast/sdk";
import { greeting } from "./greeting.ts";
export const greeter = service("greeter", {
  greet: async (ctx, name: string) => {
    ctx.log.info("greeting " + name);
    return greeting + " " + name;
  },
  grumpy: handler({ retry: { initial: "1h", max: "1h" } }, async () => {
    if (greeting === "Hello") throw new Error("not with these manners");
    return greeting;
  }),
  crash: async (ctx) => {
    if (ctx.attempt === 1) process.exit(3);
    return "survived";
  },
});
const anything = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as const;
const deploy = workflow("deploy", { promises: { approval: anything } }, async (ctx, app: string) => {
  await ctx.promise("approval");
  return app + " by " + greeting;
});
export default [deploy];
`;

/** A project with the SDK installed. */
function project(): Disposable & { readonly path: string; write(name: string, text: string): void } {
  const directory = temporaryDirectory();
  const path = realpathSync(directory.path);
  const sdk = dirname(dirname(dirname(fileURLToPath(import.meta.resolve("@holdfast/sdk")))));
  mkdirSync(join(path, "node_modules", "@holdfast"), { recursive: true });
  symlinkSync(sdk, join(path, "node_modules", "@holdfast", "sdk"), "dir");
  const write = (name: string, text: string): void => writeFileSync(join(path, name), text);
  write("services.ts", SERVICES);
  write("greeting.ts", 'export const greeting: string = "Hello";\n');
  return { path, write, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

function start(directory: string, ...words: readonly string[]): HoldfastProcess {
  return new HoldfastProcess(["dev", "services.ts", ...PORTS, "--json", ...words], { directory });
}

async function call(ingressUrl: string, target: string, input?: unknown): Promise<unknown> {
  const response = await fetch(`${ingressUrl}/${target}`, {
    method: "POST",
    ...(input === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(input) }),
  });
  const text = await response.text();
  assert.ok(response.ok, text);
  return JSON.parse(text) as unknown;
}

async function backingOff(adminUrl: string): Promise<number> {
  const response = await fetch(`${adminUrl}/invocations?status=backing-off`);
  const { items } = (await response.json()) as { items: readonly unknown[] };
  return items.length;
}

async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await wait(10);
}

async function stopped(dev: HoldfastProcess, ready: Event, ingressUrl: string): Promise<void> {
  dev.kill("SIGINT");
  const { code, stdout, stderr } = await dev.ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\{"event":"stopped"\}\n$/);
  assert.ok(!isRunning(ready["pid"]), "the process of the services is gone");
  await assert.rejects(fetch(ingressUrl));
  await assert.rejects(fetch(ready["serviceUrl"]));
}

test(
  "what is saved is served, also what the file imports, and work under way goes on with it",
  TIMEOUT,
  async () => {
    using files = project();
    await using dev = start(files.path);
    const { ingressUrl, adminUrl, data } = await dev.event("server");
    assert.equal(data, join(files.path, ".holdfast", "dev"));
    const ready = await dev.event("ready");
    assert.deepEqual(ready["services"], ["deploy", "greeter"]);
    assert.deepEqual(
      ready["calls"].map(({ handler }: { handler: string }) => handler),
      ["deploy/run", "greeter/crash", "greeter/greet", "greeter/grumpy"],
    );
    assert.match(ready["calls"][2].curl, new RegExp(`^curl ${ingressUrl}/greeter/greet --json `));
    assert.equal(await call(ingressUrl, "greeter/greet", "Ada"), "Hello Ada");
    assert.match((await dev.event("log"))["line"], /greeting Ada/);

    await call(ingressUrl, "deploy/shop/run/send", "shop");
    const grumpy = call(ingressUrl, "greeter/grumpy");
    while ((await backingOff(adminUrl)) === 0) await wait(10);
    files.write("greeting.ts", 'export const greeting: string = "Good day";\n');
    assert.deepEqual((await dev.event("changed"))["files"], [join(files.path, "greeting.ts")]);
    const reloaded = await dev.event("reloaded");
    assert.equal(reloaded["serviceUrl"], ready["serviceUrl"]);
    assert.equal(reloaded["deployment"], ready["deployment"]);
    assert.ok(!isRunning(ready["pid"]), "the process before is gone");
    assert.equal(await call(ingressUrl, "greeter/greet", "Ada"), "Good day Ada");
    await call(ingressUrl, "restate/promises/deploy/shop/approval/resolve", {});
    const attached = await fetch(`${ingressUrl}/restate/workflow/deploy/shop/attach`);
    assert.equal(await attached.json(), "shop by Good day");
    assert.equal(await grumpy, "Good day", "what failed is tried again at once");
    await stopped(dev, reloaded, ingressUrl);
  },
);

test("a file that is broken is shown, and the engine keeps running until it is mended", TIMEOUT, async () => {
  using files = project();
  files.write("services.ts", `${SERVICES}enum Colour { red }\n`);
  await using dev = start(files.path);
  const { ingressUrl, adminUrl } = await dev.event("server");
  const failed = await dev.event("failed");
  assert.match(failed["error"].message, /^services\.ts:\d+\n[^]*enum Colour/);
  assert.match(failed["error"].hint, /const object/);
  assert.equal((await holdfast(["health", "--admin-url", adminUrl])).code, 0);

  files.write("services.ts", SERVICES.replace("./greeting.ts", "./salute.ts"));
  assert.match((await dev.event("failed"))["error"].message, /Cannot find module 'salute\.ts'/);
  // That the missing file appears is enough.
  files.write("salute.ts", 'export const greeting = "Ahoy";\n');
  const ready = await dev.event("ready");
  assert.equal(await call(ingressUrl, "greeter/greet", "Ada"), "Ahoy Ada");

  files.write("services.ts", "export const nothing = 1;\n");
  assert.match((await dev.event("failed"))["error"].message, /exports no services: it exports nothing/);
  const accepted = await fetch(`${ingressUrl}/greeter/greet/send`, { method: "POST" });
  assert.equal(accepted.status, 202, "calls are accepted meanwhile");
  files.write("services.ts", SERVICES);
  const mended = await dev.event("reloaded");
  assert.equal(mended["deployment"], ready["deployment"]);
  await stopped(dev, mended, ingressUrl);
});

test(
  "a process that is killed, or ends itself, is started again, and what it was at goes on",
  TIMEOUT,
  async () => {
    using files = project();
    await using dev = start(files.path);
    const { ingressUrl } = await dev.event("server");
    const first = await dev.event("ready");
    process.kill(first["pid"], "SIGKILL");
    assert.match((await dev.event("exited"))["how"], /was ended by SIGKILL/);
    const second = await dev.event("reloaded");
    assert.notEqual(second["pid"], first["pid"]);

    const survived = call(ingressUrl, "greeter/crash");
    assert.match((await dev.event("exited"))["how"], /ended with exit code 3/);
    const third = await dev.event("reloaded");
    assert.equal(await survived, "survived");
    await stopped(dev, third, ingressUrl);
  },
);

test("data and address stay from run to run, until --fresh", TIMEOUT, async () => {
  using files = project();
  let serviceUrl: string;
  {
    await using dev = start(files.path);
    const { ingressUrl } = await dev.event("server");
    const ready = await dev.event("ready");
    serviceUrl = ready["serviceUrl"];
    await call(ingressUrl, "deploy/kept/run/send", "kept");
    // Not even a chance to say goodbye.
    dev.kill("SIGKILL");
    await dev.ended;
    await untilGone(ready["pid"]);
  }
  {
    await using dev = start(files.path);
    const { ingressUrl } = await dev.event("server");
    const ready = await dev.event("ready");
    assert.equal(ready["serviceUrl"], serviceUrl);
    await call(ingressUrl, "restate/promises/deploy/kept/approval/resolve", {});
    const attached = await fetch(`${ingressUrl}/restate/workflow/deploy/kept/attach`);
    assert.equal(await attached.json(), "kept by Hello");
    const second = await holdfast(["dev", "services.ts", ...PORTS, "--fresh"], { directory: files.path });
    assert.equal(second.code, 11, "it is in use");
    await stopped(dev, ready, ingressUrl);
  }
  await using dev = start(files.path, "--fresh");
  const { ingressUrl } = await dev.event("server");
  const ready = await dev.event("ready");
  const attached = await fetch(`${ingressUrl}/restate/workflow/deploy/kept/attach`);
  assert.equal(attached.status, 404);
  await stopped(dev, ready, ingressUrl);
  assert.deepEqual(readdirSync(files.path).toSorted(), [
    ".holdfast",
    "greeting.ts",
    "node_modules",
    "services.ts",
  ]);
});

test("for people, what to call and their own output stand beside each other", TIMEOUT, async () => {
  using files = project();
  await using dev = new HoldfastProcess(["dev", "services.ts", ...PORTS], { directory: files.path });
  const [, curl = ""] = await dev.untilStdout(/holdfast │ {3}curl (\S+\/greeter\/greet) --json/);
  await call(new URL(curl).origin, "greeter/greet", "Ada");
  await dev.untilStdout(/services │ .*greeting Ada/);
  files.write("services.ts", "export const = 1;\n");
  await dev.untilStdout(
    /Your services file cannot be used:\nholdfast │ {3}services\.ts:1\n[^]*The engine keeps running/,
  );
  dev.kill("SIGTERM");
  assert.equal((await dev.ended).code, 0);
});

test("a file that is not there is exit code 3", TIMEOUT, async () => {
  using directory = temporaryDirectory();
  const { code, stderr } = await holdfast(["dev", "nowhere.ts"], { directory: directory.path });
  assert.equal(code, 3);
  assert.match(stderr, /There is no file nowhere\.ts/);
});
