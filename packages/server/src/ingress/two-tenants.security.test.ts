/** Ada and Bob share a server and have nothing to do with each other, whatever one of them knows of the other's ids. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";

import { loadConfig } from "../config.ts";
import { authenticationOf } from "./auth/from-config.ts";
import { assertProblem, IngressRig, type Answer } from "./ingress-rig.ts";

let rig: IngressRig;

before(async () => {
  const tokens = ["ada", "bob"].map(
    (name) => `${name}=${createHash("sha256").update(`of-${name}`).digest("hex")}`,
  );
  const { values } = loadConfig({ arguments: { "ingress.auth": "token", "ingress.tokens": tokens } });
  rig = await IngressRig.start((engine) => ({
    authenticate: authenticationOf(
      values,
      { now: () => engine.now(), elapsed: () => engine.now() },
      () => {},
    ),
  }));
});
after(() => rig.close());

type TenantRequest = {
  readonly method?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

function caller(name: string) {
  return (path: string, init: TenantRequest = {}): Promise<Answer> =>
    rig.request(path, { ...init, headers: { authorization: `Bearer of-${name}`, ...init.headers } });
}

const ada = caller("ada");
const bob = caller("bob");
const idOf = (answer: Answer): string => answer.headers.get("x-restate-id") ?? "";
/** What a refusal says, without what the request said itself. */
const said = (answer: Answer, ...given: string[]): string =>
  given.reduce((text, each) => text.replaceAll(each, "…"), `${answer.status} ${answer.text}`);

describe("an idempotency key", () => {
  it("is its caller's own: the same one of another is another call", async () => {
    const headers = { "idempotency-key": "order-1" };
    const first = await ada("/Greeter/greet", { json: { name: "Ada" }, headers });
    // With another body: were the key shared, this would be a conflict, and tell that the key was used.
    const second = await bob("/Greeter/greet", { json: { name: "Bob" }, headers });
    assert.deepEqual([first.json, second.json], ["hello Ada", "hello Bob"]);
    assert.notEqual(idOf(first), idOf(second));
    const again = await ada("/Greeter/greet", { json: { name: "Ada" }, headers });
    assert.equal(idOf(again), idOf(first));
  });

  it("leads to its caller's result only", async () => {
    const headers = { "idempotency-key": "order-2" };
    await ada("/Greeter/greet", { json: { name: "Ada" }, headers });
    const path = "/restate/invocation/Greeter/greet/order-2/output";
    assert.equal((await ada(path, { method: "GET" })).json, "hello Ada");
    assertProblem(await bob(path, { method: "GET" }), 404, "invocation-not-found");
    const target = {
      target: "idempotentInvocation",
      service: "Greeter",
      handler: "greet",
      idempotencyKey: "order-2",
    };
    const ids = await Promise.all([ada, bob].map((each) => each("/restate/lookup", { json: target })));
    assert.notEqual(ids[0]?.json.invocationId, ids[1]?.json.invocationId);
  });

  it("with commas cannot be made to look like another's", () => {
    const id = (
      principal: string | undefined,
      service: string,
      key: string,
      handler: string,
      idempotencyKey: string,
    ) => rig.engine.invocationIdFor({ principal, service, key, handler, idempotencyKey, isRun: false });
    const ids = [
      id("a", "S", "k", "h", "x"),
      id("a,S", "k", "h", "x", "x"),
      id("a%2CS", "k", "h", "x", "x"),
      id(undefined, "a", "S", "h", "k,h,x"),
      id(undefined, "S", "k", "h", "x"),
    ];
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe("an invocation's id", () => {
  it("is not enough to have the result, and an id that does not exist is refused in the same words", async () => {
    const id = idOf(await ada("/Greeter/greet", { json: { name: "Ada" } }));
    const hanging = (await ada("/Greeter/hang/send", { json: 1 })).json.invocationId as string;
    const unknown = rig.engine.invocationIdFor({
      service: "Greeter",
      handler: "greet",
      key: "",
      isRun: false,
    });
    for (const path of [
      "/restate/invocation/ID/output",
      "/restate/output/ID",
      "/restate/invocation/ID/attach",
      "/restate/attach/ID",
    ]) {
      const told = await Promise.all(
        [id, hanging, unknown].map(async (each) =>
          said(await bob(path.replace("ID", each), { method: "GET" }), each),
        ),
      );
      assert.equal(new Set(told).size, 1, told.join("\n"));
      assert.match(told[0] ?? "", /^404 /);
    }
    assert.equal((await ada(`/restate/output/${id}`, { method: "GET" })).json, "hello Ada");
    assertProblem(await ada(`/restate/output/${hanging}`, { method: "GET" }), 470, "output-not-ready");
  });

  it("of a call that its own call made is the caller's as well", async () => {
    const parent = (await ada("/Greeter/hang/send", { json: 1 })).json.invocationId as string;
    const child = rig.engine.invocationIdFor({ service: "Greeter", handler: "greet", key: "", isRun: false });
    const record = rig.engine.proposed.findLast(({ kind }) => kind === "invoke");
    assert.ok(record?.kind === "invoke");
    await rig.engine.propose({ ...record, id: child, source: { kind: "invocation", id: parent } });
    assertProblem(await ada(`/restate/output/${child}`, { method: "GET" }), 470, "output-not-ready");
    assertProblem(await bob(`/restate/output/${child}`, { method: "GET" }), 404, "invocation-not-found");
    const orphan = rig.engine.invocationIdFor({
      service: "Greeter",
      handler: "greet",
      key: "",
      isRun: false,
    });
    await rig.engine.propose({ ...record, id: orphan, source: { kind: "invocation", id: "inv_gone" } });
    assertProblem(await ada(`/restate/output/${orphan}`, { method: "GET" }), 404, "invocation-not-found");
  });

  it("from before callers had names, or of a private handler, is nobody's", async () => {
    const record = rig.engine.proposed.findLast(({ kind }) => kind === "invoke");
    assert.ok(record?.kind === "invoke");
    const nameless = rig.engine.invocationIdFor({
      service: "Greeter",
      handler: "greet",
      key: "",
      isRun: false,
    });
    await rig.engine.propose({ ...record, id: nameless, source: { kind: "ingress", id: "" } });
    const hidden = rig.engine.invocationIdFor({
      service: "Greeter",
      handler: "hidden",
      key: "",
      isRun: false,
    });
    const target = { service: "Greeter", handler: "hidden", key: "", kind: "plain" } as const;
    await rig.engine.propose({ ...record, id: hidden, target, source: { kind: "ingress", id: "ada" } });
    for (const id of [nameless, hidden]) {
      assertProblem(await ada(`/restate/output/${id}`, { method: "GET" }), 404, "invocation-not-found");
    }
  });

  it("of a workflow is everyone's who may call the workflow, as its key is", async () => {
    const { json } = await ada("/Deploy/shared-run/run/send", { json: {} });
    for (const path of [
      `/restate/output/${json.invocationId}`,
      "/restate/workflow/Deploy/shared-run/output",
    ]) {
      assertProblem(await bob(path, { method: "GET" }), 470, "output-not-ready");
    }
  });
});

describe("what is private", () => {
  const pairs: ReadonlyArray<readonly [what: string, hidden: string, absent: string]> = [
    ["a service", "/Secret/run", "/Absent/run"],
    ["a service, with a key", "/Secret/key/run", "/Absent/key/run"],
    ["a service, by the other path", "/restate/call/Secret/run", "/restate/call/Absent/run"],
    [
      "a service's results",
      "/restate/invocation/Secret/run/k/output",
      "/restate/invocation/Absent/run/k/output",
    ],
    ["a handler", "/Greeter/hidden", "/Greeter/absent"],
    ["a handler, to send", "/Greeter/hidden/send", "/Greeter/absent/send"],
    [
      "a handler's results",
      "/restate/invocation/Greeter/hidden/k/output",
      "/restate/invocation/Greeter/absent/k/output",
    ],
    ["a workflow's promises", "/restate/promises/Secret/k/p", "/restate/promises/Absent/k/p"],
  ];
  for (const [what, hidden, absent] of pairs) {
    it(`(${what}) is refused in the words for what is not there`, async () => {
      const method = hidden.startsWith("/restate/i") || hidden.startsWith("/restate/p") ? "GET" : "POST";
      const answers = [await ada(hidden, { method }), await ada(absent, { method })];
      const [one, other] = answers.map((answer) => said(answer, "Secret", "Absent", "hidden", "absent"));
      assert.equal(one, other);
      assert.match(one ?? "", /^404 /);
    });
  }

  it("is not suggested, and not listed", async () => {
    assert.doesNotMatch((await ada("/Secre/run")).text, /Secret/);
    assert.doesNotMatch((await ada("/Greeter/hiden")).text, /"hidden"/);
    assert.doesNotMatch((await ada("/restate/health", { method: "GET" })).text, /Secret/);
  });
});
