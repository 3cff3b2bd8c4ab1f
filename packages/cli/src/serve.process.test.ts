import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { serve, service } from "@holdfast/sdk";

import { holdfast, HoldfastProcess, temporaryDirectory } from "./testing/holdfast-process.contract.ts";

const FREE_PORTS = ["--ingress-port", "0", "--admin-port", "0"];
const TIMEOUT = { timeout: 60_000 };

const isParked = Promise.withResolvers<void>();

const greeter = service("greeter", {
  greet: async (_ctx, name: string) => `Hello ${name}`,
  park: async (ctx) => {
    const awakeable = ctx.awakeable();
    isParked.resolve();
    await awakeable.promise;
  },
});

test("serve says where it is, registers what it is told to, and stops when asked", TIMEOUT, async () => {
  using directory = temporaryDirectory();
  const handlers = await serve({ services: [greeter], port: 0, log: () => {} });
  try {
    const words = ["serve", "--data", directory.path, ...FREE_PORTS, "--service-url", handlers.url, "--json"];
    await using server = new HoldfastProcess(words);
    const ready = await server.event("ready");
    assert.equal(ready["ready"], true);
    assert.equal(ready["pid"], server.pid);
    const registered = await server.event("registered");
    assert.deepEqual(registered["services"], ["greeter"]);
    assert.equal(registered["created"], true);
    const called = await holdfast(["call", "greeter/greet", '"Ada"', "--ingress-url", ready["ingressUrl"]]);
    assert.deepEqual([called.code, called.stdout], [0, '"Hello Ada"\n']);
    server.kill("SIGTERM");
    const { code, stdout, stderr } = await server.ended;
    assert.equal(code, 0);
    assert.match(stdout, /\{"event":"stopped"\}\n$/);
    assert.equal(stderr, "");
  } finally {
    await handlers.close();
  }
});

test("services may come after the server", TIMEOUT, async () => {
  using directory = temporaryDirectory();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const words = ["serve", "--data", directory.path, ...FREE_PORTS, "--service-url", url, "--json"];
  await using server = new HoldfastProcess(words);
  const waiting = await server.event("waiting");
  assert.equal(waiting["url"], url);
  assert.equal(waiting["error"], "deployment-unreachable");
  const handlers = await serve({ services: [greeter], port, log: () => {} });
  try {
    assert.deepEqual((await server.event("registered"))["services"], ["greeter"]);
  } finally {
    await handlers.close();
  }
});

test("a server whose output nobody reads any more goes on", TIMEOUT, async () => {
  using directory = temporaryDirectory();
  const words = ["serve", "--data", directory.path, ...FREE_PORTS];
  await using server = new HoldfastProcess(words, { closeOutput: true });
  // The owner is written when the directory is locked, and the addresses are announced after that.
  while (!existsSync(join(directory.path, "checkpoint.db"))) await wait(10);
  while ((await holdfast(["doctor", directory.path])).code !== 11) await wait(10);
  server.kill("SIGTERM");
  const { code, stderr } = await server.ended;
  assert.deepEqual([code, stderr], [0, "Stopping; once more stops at once.\n"]);
});

test("a refused registration is told, and the server goes on", TIMEOUT, async () => {
  using directory = temporaryDirectory();
  const words = [
    "serve",
    "--data",
    directory.path,
    ...FREE_PORTS,
    "--service-url",
    "ftp://127.0.0.1",
    "--json",
  ];
  await using server = new HoldfastProcess(words);
  const { adminUrl } = await server.event("ready");
  assert.equal((await server.event("refused"))["error"], "request-invalid");
  assert.equal((await holdfast(["health", "--admin-url", adminUrl])).code, 0);
});

test("for people there are lines instead, and a second signal does not wait", TIMEOUT, async () => {
  using directory = temporaryDirectory();
  const handlers = await serve({ services: [greeter], port: 0, log: () => {} });
  try {
    const words = ["serve", "--data", directory.path, ...FREE_PORTS, "--service-url", handlers.url];
    await using server = new HoldfastProcess(words);
    const [, ingressUrl] = await server.untilStdout(/Ingress +(\S+)/);
    await server.untilStdout(/Registered .*: greeter\n/);
    // A call that waits keeps the server from closing at once.
    const parked = fetch(`${ingressUrl}/greeter/park`, { method: "POST" }).catch(() => undefined);
    await isParked.promise;
    server.kill("SIGINT");
    await server.untilStderr(/Stopping; once more stops at once\./);
    server.kill("SIGINT");
    assert.equal((await server.ended).code, 130);
    await parked;
  } finally {
    await handlers.close();
  }
});

test("an address that is taken is exit code 10", TIMEOUT, async () => {
  using directory = temporaryDirectory();
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.listen(0, "127.0.0.1", resolve);
  });
  const { port } = taken.address() as { port: number };
  for (const option of ["--ingress-port", "--admin-port"]) {
    const words = ["serve", "--data", directory.path, ...FREE_PORTS, option, String(port)];
    const { code, stdout, stderr } = await holdfast(words);
    assert.equal(code, 10);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      new RegExp(`^Error: Another program listens on 127\\.0\\.0\\.1:${port} already\\nHint: `),
    );
    assert.ok(!stderr.includes("    at "), stderr);
  }
  taken.close();
});

test("a directory in use is exit code 11, for a second server and for doctor", TIMEOUT, async () => {
  using directory = temporaryDirectory();
  await using server = new HoldfastProcess(["serve", "--data", directory.path, ...FREE_PORTS, "--json"]);
  await server.event("ready");
  const second = await holdfast(["serve", "--data", directory.path, ...FREE_PORTS, "--json"]);
  assert.equal(second.code, 11);
  const failure = JSON.parse(second.stderr);
  assert.equal(failure.error, "directory-locked");
  assert.equal(failure.details.pid, server.pid);
  const doctor = await holdfast(["doctor", directory.path]);
  assert.equal(doctor.code, 11);
  assert.match(doctor.stdout, new RegExp(`In use by process ${server.pid}\\.`));
});

test(
  "doctor proves a directory whole, also after kill -9, and finds damage, which serve refuses",
  TIMEOUT,
  async () => {
    using directory = temporaryDirectory();
    using copies = temporaryDirectory();
    const handlers = await serve({ services: [greeter], port: 0, log: () => {} });
    try {
      const words = [
        "serve",
        "--data",
        directory.path,
        ...FREE_PORTS,
        "--service-url",
        handlers.url,
        "--json",
      ];
      // Nothing is checkpointed before the kill, so that the log is what is read.
      await using server = new HoldfastProcess([...words, "--set", "checkpoint.interval=1h"]);
      const { ingressUrl } = await server.event("ready");
      await server.event("registered");
      for (let i = 0; i < 20; i++) {
        const sent = await fetch(`${ingressUrl}/greeter/greet/send`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(`number ${i}`),
        });
        assert.equal(sent.status, 202);
      }
      server.kill("SIGKILL");
      await server.ended;
    } finally {
      await handlers.close();
    }
    const whole = await holdfast(["doctor", directory.path, "--json"]);
    assert.equal(whole.code, 0, whole.stdout + whole.stderr);
    const report = JSON.parse(whole.stdout);
    assert.equal(report.healthy, true);
    assert.equal(report.tables.invocations, 20);
    assert.match((await holdfast(["doctor", directory.path])).stdout, /Nothing is lost/);

    const damaged = join(copies.path, "damaged");
    cpSync(directory.path, damaged, { recursive: true });
    damageLog(damaged);
    const found = await holdfast(["doctor", damaged]);
    assert.equal(found.code, 12, found.stdout);
    assert.match(found.stdout, /1 problem:\n {2}1\. .+\n\nWhat to do:/);
    const refused = await holdfast(["serve", "--data", damaged, ...FREE_PORTS]);
    assert.equal(refused.code, 12);
    assert.match(refused.stderr, /^Error: The data directory is damaged: .+\nHint: +Nothing was changed\./);

    const nonsense = join(copies.path, "nonsense");
    cpSync(directory.path, nonsense, { recursive: true });
    writeFileSync(
      join(nonsense, "checkpoint.db"),
      "this is no database, but it is longer than a header of one ".repeat(40),
    );
    assert.equal((await holdfast(["doctor", nonsense])).code, 12);
    assert.equal((await holdfast(["serve", "--data", nonsense, ...FREE_PORTS])).code, 12);

    assert.equal((await holdfast(["doctor", copies.path])).code, 3);
  },
);

test(
  "settings come from a file, the environment and arguments, and a mistake names its place",
  TIMEOUT,
  async () => {
    using directory = temporaryDirectory();
    const file = join(directory.path, "holdfast.json");
    writeFileSync(
      file,
      JSON.stringify({ retention: { journal: "7d" }, ingress: { port: 0 }, admin: { port: 1 } }),
    );
    const variables = {
      HOLDFAST_CONFIG: file,
      HOLDFAST_ADMIN_PORT: "1",
      HOLDFAST_DATA: join(directory.path, "data"),
    };
    await using server = new HoldfastProcess(["serve", "--admin-port", "0", "--json"], { variables });
    const { adminUrl } = await server.event("ready");
    const changed = await holdfast(["config", "--changed", "--json", "--admin-url", adminUrl]);
    const sources = Object.fromEntries(
      (JSON.parse(changed.stdout) as Array<{ key: string; source: string }>).map(({ key, source }) => [
        key,
        source,
      ]),
    );
    assert.deepEqual(sources, {
      data: "environment",
      "admin.port": "argument",
      "ingress.port": "file",
      "retention.journal": "file",
    });
    const mistaken = await holdfast(["serve"], { variables: { HOLDFAST_INGRES_PORT: "1" } });
    assert.equal(mistaken.code, 2);
    assert.match(mistaken.stderr, /HOLDFAST_INGRES_PORT.*\nHint: +Did you mean HOLDFAST_INGRESS_PORT\?/);
  },
);

/** Spoils bytes in the middle of what was written: a crash can only spoil the end. */
function damageLog(directory: string): void {
  const log = join(directory, "log");
  const [name = ""] = readdirSync(log)
    .filter((file) => file.endsWith(".segment"))
    .toSorted();
  const bytes = readFileSync(join(log, name));
  const middle = Math.floor(bytes.findLastIndex((byte) => byte !== 0) / 2);
  const written = [...bytes.keys()].slice(middle).filter((at) => bytes[at] !== 0);
  for (const at of written.slice(0, 16)) bytes[at] = 255 - (bytes[at] ?? 0);
  writeFileSync(join(log, name), bytes);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
