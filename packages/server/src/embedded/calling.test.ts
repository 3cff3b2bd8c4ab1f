/** Services, objects and workflows: what may run at the same time as what, and what runs once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { handler, object, service, shared, TerminalError, workflow } from "@holdfast/sdk";
import { z } from "zod";

import { createTestEngine } from "../testing.ts";
import { Gate, refusal, rowOf, statusOf, until } from "./semantics-rig.contract.ts";

describe("a caller without types", () => {
  const greeter = service("greeter", { greet: async () => "hello" });
  const counter = object("counter", { add: async () => 1 });

  for (const [what, passed] of [
    ["nothing", undefined],
    ["null", null],
    ["a name", "greeter/greet"],
    ["a definition instead of one of its handlers", greeter],
    ["a reference without a kind", { service: "greeter", handler: "greet" }],
    ["a reference of an unknown kind", { service: "greeter", handler: "greet", kind: "virtual" }],
    ["a reference whose names are no texts", { service: 1, handler: 2, kind: "plain" }],
  ] as const) {
    it(`that passes ${what} as the handler is told so, and the engine goes on`, async () => {
      await using engine = await createTestEngine({ services: [greeter, counter] });
      const handler = passed as unknown as typeof greeter.greet;
      const refused = { code: "request-invalid", message: /is no handler.* for example greeter\.greet/ };
      await assert.rejects(engine.send(handler), refused);
      await assert.rejects(engine.call(handler), refused);
      assert.throws(() => engine.promise(handler, "key", "name"), refused);
      assert.equal(await engine.call(greeter.greet), "hello");
    });
  }

  it("that passes no key where there must be one is told so", async () => {
    await using engine = await createTestEngine({ services: [greeter, counter] });
    for (const key of [undefined, "", 5, {}]) {
      await assert.rejects(engine.send(counter.add, key as string), { code: "key-missing" });
    }
    assert.equal(await engine.call(counter.add, "k"), 1);
  });

  it("that passes options of other types is refused, and the engine goes on", async () => {
    await using engine = await createTestEngine({ services: [greeter, counter] });
    const options = { idempotencyKey: {} as string };
    await assert.rejects(engine.send(greeter.greet, undefined, options), { code: "request-invalid" });
    assert.equal(await engine.call(greeter.greet), "hello");
  });
});

describe("a service", () => {
  it("answers a call with what its handler returns", async () => {
    const greeter = service("greeter", { greet: async (_ctx, name: string) => `hello ${name}` });
    await using engine = await createTestEngine({ services: [greeter] });
    assert.equal(await engine.call(greeter.greet, "ada"), "hello ada");
  });

  it("runs any number of calls at the same time", async () => {
    const gate = new Gate();
    const slow = service("slow", { wait: async (ctx) => ctx.run("wait", () => gate.pass()) });
    await using engine = await createTestEngine({ services: [slow] });
    const calls = [1, 2, 3].map(() => engine.call(slow.wait));
    await until(() => gate.arrivals === 3);
    gate.open();
    await Promise.all(calls);
  });

  it("passes on a failure with message, code and data", async () => {
    const shop = service("shop", {
      buy: async () => {
        throw new TerminalError("sold out", { code: "sold-out", status: 410, data: { left: 0 } });
      },
    });
    await using engine = await createTestEngine({ services: [shop] });
    await assert.rejects(engine.call(shop.buy), {
      name: "InvocationFailedError",
      message: "sold out",
      code: "sold-out",
      status: 410,
      data: { left: 0 },
    });
  });

  it("refuses what does not fit the input schema, without a retry", async () => {
    const strict = service("strict", {
      take: handler({ input: z.object({ cents: z.int() }) }, async (_ctx, { cents }) => cents),
    });
    await using engine = await createTestEngine({ services: [strict] });
    await assert.rejects(engine.call(strict.take, { cents: 1.5 }), { status: 400, message: /cents/ });
    assert.equal(await engine.call(strict.take, { cents: 2 }), 2);
  });

  it("gives a handler its headers and idempotency key", async () => {
    const echo = service("echo", {
      show: async (ctx, _input: string) => ({
        trace: ctx.headers.get("x-trace"),
        key: ctx.idempotencyKey,
        attempt: ctx.attempt,
      }),
    });
    await using engine = await createTestEngine({ services: [echo] });
    const shown = await engine.call(echo.show, "", {
      idempotencyKey: "k1",
      headers: { "X-Trace": "t" },
    });
    assert.deepEqual(shown, { trace: "t", key: "k1", attempt: 1 });
  });

  const unknown = [
    {
      service: "nobody",
      handler: "h",
      key: "",
      expected: /service-not-found: Service "nobody" is not registered/,
    },
    { service: "greeter", handler: "h", key: "", expected: /handler-not-found: .* \(it has: greet\)/ },
    { service: "greeter", handler: "greet", key: "k", expected: /key-invalid: .* without a key/ },
    { service: "counter", handler: "add", key: "", expected: /key-missing: .* with a key/ },
  ];
  for (const { expected, ...address } of unknown) {
    it(`is not found as ${address.service}/${address.key}/${address.handler}, and the refusal says why`, async () => {
      const greeter = service("greeter", { greet: async () => "hello" });
      const counter = object("counter", { add: async () => 1 });
      await using engine = await createTestEngine({ services: [greeter, counter] });
      const id = engine.engine.invocationIdFor({ ...address, isRun: false });
      const body = {
        kind: "invoke",
        id,
        target: { ...address, kind: "plain" },
        input: new Uint8Array(0),
        inputHash: 0,
        idempotencyKey: undefined,
        startAt: 0,
        source: { kind: "ingress", id: "" },
      } as const;
      assert.match(await refusal(engine, body), expected);
      assert.equal(statusOf(engine, id), "gone");
    });
  }
});

describe("an object", () => {
  it("runs its exclusive handlers one at a time for each key, in the order of the calls", async () => {
    const order: string[] = [];
    let running = 0;
    const account = object("account", {
      post: async (ctx, entry: number) => {
        running += 1;
        assert.equal(running, 1, "two exclusive handlers at once");
        await ctx.run("post", () => new Promise<void>((resolve) => void setImmediate(resolve)));
        order.push(`${ctx.key}${entry}`);
        await ctx.sleep("10ms");
        running -= 1;
      },
    });
    await using engine = await createTestEngine({ services: [account] });
    const handles = await Promise.all(
      Array.from({ length: 10 }, (_, i) => engine.send(account.post, "a", i)),
    );
    await engine.advance("1s");
    await Promise.all(handles.map((handle) => handle.attach()));
    assert.deepEqual(
      order,
      Array.from({ length: 10 }, (_, i) => `a${i}`),
    );
  });

  it("runs other keys beside", async () => {
    const gate = new Gate();
    const account = object("account", { post: async (ctx) => ctx.run("post", () => gate.pass()) });
    await using engine = await createTestEngine({ services: [account] });
    const calls = ["a", "b", "c"].map((key) => engine.call(account.post, key));
    await until(() => gate.arrivals === 3);
    gate.open();
    await Promise.all(calls);
  });

  it("runs shared handlers beside an exclusive one; they read its state and cannot write it", async () => {
    const gate = new Gate();
    const account = object("account", {
      fill: async (ctx) => {
        ctx.state.set("total", 1);
        await ctx.run("wait", () => gate.pass());
        ctx.state.set("total", 2);
      },
      total: shared({}, async (ctx) => ctx.state.get("total")),
      cheat: shared({}, async (ctx) =>
        (ctx.state as unknown as { set(key: string, value: number): void }).set("total", 9),
      ),
    });
    await using engine = await createTestEngine({ services: [account] });
    const filling = await engine.send(account.fill, "a");
    await until(() => rowOf(engine, filling.invocationId).commandCount === 3);
    assert.equal(await engine.call(account.total, "a"), 1);
    const cheating = await engine.send(account.cheat, "a");
    await until(() => statusOf(engine, cheating.invocationId) === "paused");
    assert.match(rowOf(engine, cheating.invocationId).events.at(-1)?.message ?? "", /cannot write state/);
    gate.open();
    await filling.attach();
    assert.equal(await engine.call(account.total, "a"), 2);
  });

  it("lets the next one in when the one before fails, is cancelled, or is killed", async () => {
    const account = object("account", {
      fail: async () => {
        throw new TerminalError("no");
      },
      wait: async (ctx) => ctx.sleep("1d"),
      pass: async () => "passed",
    });
    await using engine = await createTestEngine({ services: [account] });
    const failing = await engine.send(account.fail, "a");
    const cancelled = await engine.send(account.wait, "a");
    const killed = await engine.send(account.wait, "a");
    const last = await engine.send(account.pass, "a");
    await engine.settle();
    await assert.rejects(failing.attach(), { message: "no" });
    assert.equal(statusOf(engine, killed.invocationId), "queued");
    await cancelled.cancel();
    await engine.settle();
    assert.equal(statusOf(engine, killed.invocationId), "suspended");
    await engine.engine.propose({ kind: "kill", id: killed.invocationId });
    assert.equal(await last.attach(), "passed");
  });

  it("forgets a queued call that is cancelled before its turn, and the others keep their order", async () => {
    const order: number[] = [];
    const gate = new Gate();
    const account = object("account", {
      hold: async (ctx) => ctx.run("hold", () => gate.pass()),
      post: async (_ctx, entry: number) => {
        order.push(entry);
      },
    });
    await using engine = await createTestEngine({ services: [account] });
    const holding = engine.call(account.hold, "a");
    const handles = await Promise.all([1, 2, 3, 4].map((entry) => engine.send(account.post, "a", entry)));
    await handles[1]?.cancel();
    await assert.rejects(handles[1]?.attach() ?? Promise.resolve(), { status: 409, message: "cancelled" });
    gate.open();
    await holding;
    await engine.settle();
    assert.deepEqual(order, [1, 3, 4]);
  });

  it("refuses more waiting calls than inboxMax allows", async () => {
    const gate = new Gate();
    const account = object("account", { hold: async (ctx) => ctx.run("hold", () => gate.pass()) });
    await using engine = await createTestEngine({ services: [account], settings: { inboxMax: 3 } });
    const handles = [];
    for (let i = 0; i < 4; i++) handles.push(await engine.send(account.hold, "a"));
    await assert.rejects(engine.send(account.hold, "a"), { code: "overloaded", message: /inboxMax is 3/ });
    gate.open();
    await Promise.all(handles.map((handle) => handle.attach()));
  });
});

describe("a workflow", () => {
  const order = workflow(
    "order",
    {},
    async (ctx, item: string) => {
      ctx.state.set("item", item);
      await ctx.sleep("1h");
      return `shipped ${item}`;
    },
    {
      item: async (ctx) => ctx.state.get<string>("item"),
    },
  );

  it("runs once per key, and a second start is told so", async () => {
    await using engine = await createTestEngine({ services: [order] });
    const handle = await engine.send(order, "o1", "book");
    await assert.rejects(engine.send(order, "o1", "pen"), { code: "workflow-already-started" });
    await engine.advance("2h");
    await assert.rejects(engine.send(order, "o1", "pen"), { code: "workflow-already-started" });
    assert.equal(await handle.attach(), "shipped book");
    assert.equal(await handle.attach(), "shipped book");
    const other = await engine.send(order, "o2", "pen");
    await engine.advance("2h");
    assert.equal(await other.attach(), "shipped pen");
  });

  it("has shared handlers beside it, before, during and after its run", async () => {
    await using engine = await createTestEngine({ services: [order] });
    assert.equal(await engine.call(order.handlers.item, "o1"), undefined);
    await engine.send(order, "o1", "book");
    await engine.settle();
    assert.equal(await engine.call(order.handlers.item, "o1"), "book");
    await engine.advance("2h");
    assert.equal(await engine.call(order.handlers.item, "o1"), "book");
  });

  it("keeps outcome and state for attach and output until its retention ends, and may then start again", async () => {
    const looker = service("looker", {
      output: async (ctx, key: string) => (await ctx.output({ workflow: order, key }))?.value,
      attach: async (ctx, key: string) => ctx.attach({ workflow: order, key }),
    });
    await using engine = await createTestEngine({ services: [order, looker] });
    const handle = await engine.send(order, "o1", "book");
    assert.equal(await engine.call(looker.output, "o1"), undefined);
    const attached = engine.call(looker.attach, "o1");
    await engine.advance("2h");
    assert.equal(await attached, "shipped book");
    await engine.advance("22h");
    assert.equal(await engine.call(looker.output, "o1"), "shipped book");
    assert.equal(await engine.call(looker.attach, "o1"), "shipped book");
    await engine.advance("3h");
    assert.equal(statusOf(engine, handle.invocationId), "gone");
    assert.equal(await engine.call(order.handlers.item, "o1"), undefined);
    await assert.rejects(engine.call(looker.attach, "o1"), { status: 404 });
    await engine.send(order, "o1", "pen");
    await engine.settle();
    assert.equal(await engine.call(order.handlers.item, "o1"), "pen");
  });

  it("takes its key from its input where the definition says so", async () => {
    const deploy = workflow(
      "deploy",
      { input: z.object({ app: z.string() }), key: ({ app }) => `app:${app}` },
      async (ctx) => ctx.key,
    );
    await using engine = await createTestEngine({ services: [deploy] });
    const handle = await engine.send(deploy, { app: "shop" });
    assert.equal(rowOf(engine, handle.invocationId).target.key, "app:shop");
    assert.equal(await handle.attach(), "app:shop");
  });

  it("called by a handler a second time, tells the caller that it was started", async () => {
    const caller = service("caller", { start: async (ctx) => ctx.call(order, "o1", "pen") });
    await using engine = await createTestEngine({ services: [order, caller] });
    await engine.send(order, "o1", "book");
    await assert.rejects(engine.call(caller.start), { status: 409, message: /already started/ });
  });
});
