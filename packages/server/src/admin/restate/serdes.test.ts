import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { HoldfastError, type RestateEndpoint } from "@holdfast/protocol";

import { manifestOf } from "../../http/fake-engine.ts";
import type { Answer } from "../../ingress/ingress-rig.ts";
import type { WholeAnswer } from "../../invoker/restate/whole-answer.ts";
import { AdminRig } from "../admin-rig.ts";

const restate: RestateEndpoint = {
  minProtocolVersion: 5,
  maxProtocolVersion: 7,
  mode: "bidirectional",
  http: "2",
};
const BYTES = { "content-type": "application/x-of-its-own" };
const JSON_TYPE = { "content-type": "application/json" };

let rig: AdminRig;
let older: string;
let newer: string;
before(async () => {
  rig = await AdminRig.start();
  const services = [{ name: "Theirs", kind: "service", handlers: [{ name: "a", kind: "plain" }] }] as const;
  const manifest = { ...manifestOf(services), wires: ["restate"], restate } as const;
  const register = async (uri: string): Promise<string> => {
    rig.engine.endpoints.set(uri, manifest);
    return (await rig.send("POST", "/deployments", { uri })).json.id;
  };
  older = await register("http://localhost:8001");
  newer = await register("http://localhost:8002");
});
after(() => rig.close());

function convert(path: string, answer: Partial<WholeAnswer> = {}): Promise<Answer> {
  rig.engine.asked.length = 0;
  rig.engine.answerAsked = () =>
    Promise.resolve({ status: 200, headers: {}, body: Buffer.from("{}"), ...answer });
  return rig.send("POST", `/internal/services/${path}`, { n: 1 });
}

describe("a value of a handler of Restate's SDK", () => {
  it("is converted by the newest deployment of its service, or by the one that is asked for", async () => {
    for (const [query, id] of [
      ["", newer],
      [`?deployment=${older}`, older],
    ] as const) {
      const answer = await convert(`Theirs/serdes/encode/a/input${query}`, { headers: BYTES });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(
        rig.engine.asked.map(([asked, path, body]) => [asked, path, Buffer.from(body).toString()]),
        [[id, "/serdes/Theirs/encode/a/input", '{"n":1}']],
      );
    }
  });

  it("is found under every version, and by names that a path must escape", async () => {
    rig.engine.asked.length = 0;
    for (const prefix of ["", "/v2", "/v3", "/v4"])
      await rig.send("POST", `${prefix}/internal/services/Theirs/serdes/decode/a%20b/%3F`, {});
    const paths = new Set(rig.engine.asked.map(([, path]) => path));
    assert.deepEqual([rig.engine.asked.length, [...paths]], [4, ["/serdes/Theirs/decode/a%20b/%3F"]]);
  });

  it("is never answered as something that a browser would show", async () => {
    const page = { headers: { "content-type": "text/html" } };
    const types = [
      [await convert("Theirs/serdes/encode/a", page), "application/octet-stream"],
      [await convert("Theirs/serdes/encode/a", { headers: JSON_TYPE }), "application/json"],
      [await convert("Theirs/serdes/decode/a", page), "application/json"],
    ] as const;
    for (const [answer, type] of types) {
      assert.equal(answer.headers.get("content-type"), type);
      assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    }
  });

  const refused: ReadonlyArray<
    readonly [what: string, path: string, sdk: number, status: number, message: RegExp]
  > = [
    ["a serde that the SDK does not know", "Theirs/serdes/encode/x", 404, 500, /no serde "Theirs\/x"/],
    ["what the serde does not take", "Theirs/serdes/decode/x", 422, 422, /"Theirs\/x" cannot decode this/],
    ["an engine that the SDK does not know", "Theirs/serdes/decode/x", 401, 500, /answered 401/],
    ["another direction", "Theirs/serdes/guess/x", 200, 400, /neither encode nor decode/],
    [
      "a path that leads elsewhere",
      "Theirs/serdes/decode/%2F..%2Fx",
      200,
      400,
      /cannot be the name of a serde/,
    ],
    ["no name", "Theirs/serdes/decode/a//b", 200, 400, /cannot be the name of a serde/],
    ["an unknown service", "Nobodys/serdes/decode/x", 200, 404, /"Nobodys" is not registered/],
    ["an unknown deployment", "Theirs/serdes/decode/x?deployment=dp_0", 200, 404, /"dp_0" does not exist/],
    ["a service of ours", "Counter/serdes/decode/x", 200, 501, /no SDK of Restate's serves/],
  ];
  for (const [what, path, sdk, status, message] of refused) {
    it(`is refused for ${what}`, async () => {
      const answer = await convert(path, { status: sdk, body: Buffer.from("<secret>") });
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.json.message, message);
      assert.doesNotMatch(answer.text, /secret/);
    });
  }

  it("is refused where the deployment does not answer", async () => {
    rig.engine.answerAsked = () =>
      Promise.reject(
        new HoldfastError("deployment-unreachable", { url: "http://h", reason: "nobody is there" }),
      );
    const answer = await rig.send("POST", "/internal/services/Theirs/serdes/decode/x", {});
    assert.deepEqual([answer.status, answer.json.restate_code], [500, "META0003"]);
    assert.match(answer.json.message, /nobody is there/);
  });
});
