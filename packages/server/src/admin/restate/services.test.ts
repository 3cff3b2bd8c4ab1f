import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { manifestOf } from "../../http/fake-engine.ts";
import { DEPLOYMENT } from "../../ingress/ingress-rig.ts";
import { AdminRig } from "../admin-rig.ts";

let rig: AdminRig;
before(async () => {
  rig = await AdminRig.start();
});
after(() => rig.close());

/** What a service has that says nothing otherwise. */
const DEFAULTS = {
  idempotency_retention: "1d",
  journal_retention: "1d",
  inactivity_timeout: "1m",
  abort_timeout: "10m",
  enable_lazy_state: false,
  retry_policy: {
    initial_interval: "500ms",
    exponentiation_factor: 2,
    max_attempts: 70,
    max_interval: "1m",
    on_max_attempts: "Pause",
  },
};
const ANY = { input_description: "JSON or nothing", output_description: "JSON or nothing" };

describe("services in Restate's form", () => {
  it("have their type, their revision and every option that is in force", async () => {
    const { status, json } = await rig.get("/v3/services/Counter");
    assert.equal(status, 200);
    assert.deepEqual(json, {
      name: "Counter",
      public: true,
      ty: "VirtualObject",
      handlers: [
        { name: "add", public: true, ty: "Exclusive", ...ANY, ...DEFAULTS },
        { name: "get", public: true, ty: "Shared", ...ANY, ...DEFAULTS },
      ],
      deployment_id: DEPLOYMENT,
      revision: 1,
      ...DEFAULTS,
    });
    const names = (await rig.get("/v2/services")).json.services.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, ["Counter", "Deploy", "Foreign", "Greeter", "Secret"]);
  });

  it("tell a workflow's retention, and no type for handlers of a plain service", async () => {
    const deploy = (await rig.get("/v4/services/Deploy")).json;
    assert.equal(deploy.workflow_completion_retention, "1d");
    const [run, status] = deploy.handlers;
    assert.deepEqual([run.ty, run.workflow_completion_retention], ["Workflow", "1d"]);
    assert.deepEqual([status.ty, status.workflow_completion_retention], ["Shared", undefined]);
    const greet = (await rig.get("/v3/services/Greeter/handlers/greet")).json;
    assert.deepEqual(
      [greet.name, greet.ty, greet.input_json_schema.required],
      ["greet", undefined, ["name"]],
    );
    const { handlers } = (await rig.get("/services/Greeter/handlers")).json;
    assert.deepEqual(
      handlers.map(({ name }: { name: string }) => name),
      ["echo", "fail", "greet", "hang", "hidden"],
    );
  });

  it("come beside our form where no version is in the path", async () => {
    const both = (await rig.get("/services/Counter")).json;
    assert.deepEqual([both.kind, both.ty], ["object", "VirtualObject"]);
    assert.deepEqual([both.deployment, both.deployment_id], [DEPLOYMENT, DEPLOYMENT]);
    const [add] = both.handlers;
    assert.deepEqual(
      [add.name, add.kind, add.ty, add.abortTimeoutMs],
      ["add", "exclusive", "Exclusive", 600_000],
    );
    const list = (await rig.get("/services")).json;
    assert.equal(list.items.length, list.services.length);
  });

  it("that are unknown are 404 in the form that was asked for", async () => {
    const theirs = await rig.get("/v3/services/Nobody");
    assert.deepEqual([theirs.status, theirs.json.restate_code], [404, null]);
    assert.match(theirs.json.message, /"Nobody" is not registered/);
    assert.equal((await rig.get("/services/Nobody/handlers")).status, 404);
    assert.equal((await rig.get("/services/Greeter/handlers/nobody")).status, 404);
    assert.equal((await rig.get("/services/Nobody")).json.error, "service-not-found");
  });
});

describe("a service's OpenAPI document", () => {
  type Operation = {
    readonly parameters: ReadonlyArray<{ readonly $ref: string }>;
    readonly requestBody: {
      readonly content: Readonly<Record<string, { readonly schema: { readonly required?: string[] } }>>;
    };
    readonly responses: Readonly<Record<string, unknown>>;
  };
  const operations = async (service: string): Promise<Record<string, { readonly post: Operation }>> => {
    const { json } = await rig.get(`/services/${service}/openapi`);
    assert.deepEqual([json.openapi, json.servers], ["3.1.0", [{ url: "http://localhost:8080" }]]);
    // Everything that is referred to is there.
    for (const [, path = ""] of JSON.stringify(json).matchAll(/"\$ref":"#\/([^"]*)"/g)) {
      let at = json;
      for (const name of path.split("/")) at = at[name];
      assert.equal(typeof at, "object", path);
    }
    return json.paths;
  };

  it("has the calls and sends of what is public, with the schemas of their inputs", async () => {
    const paths = await operations("Greeter");
    const names = ["echo", "fail", "greet", "hang"].flatMap((name) => [
      `/Greeter/${name}`,
      `/Greeter/${name}/send`,
    ]);
    assert.deepEqual(Object.keys(paths).toSorted(), names.toSorted());
    const greet = paths["/Greeter/greet"]?.post;
    assert.deepEqual(greet?.requestBody.content["application/json"]?.schema.required, ["name"]);
    assert.deepEqual(Object.keys(greet?.responses ?? {}), ["200", "default"]);
    assert.deepEqual(Object.keys(paths["/Greeter/greet/send"]?.post.responses ?? {}), ["202", "default"]);
  });

  it("asks for the key of an object, and for no idempotency key of a workflow's run", async () => {
    const refs = (operation: Operation | undefined) =>
      operation?.parameters.map(({ $ref }) => $ref.split("/").at(-1));
    const counter = await operations("Counter");
    assert.deepEqual(refs(counter["/Counter/{key}/add"]?.post), ["key", "idempotencyKey"]);
    const deploy = await operations("Deploy");
    assert.deepEqual(refs(deploy["/Deploy/{key}/run/send"]?.post), ["key", "delay"]);
  });
});

describe("services of Restate's SDKs", () => {
  it("are shown with the rules for what they take and give", async () => {
    const uri = "http://localhost:8100";
    const rules = {
      inputRule: { isRequired: true, contentType: "text/plain", jsonSchema: { type: "string" } },
      outputRule: { contentType: "image/png" },
    };
    const services = [
      {
        name: "Painter",
        kind: "service" as const,
        handlers: [
          { name: "anything", kind: "plain" as const },
          { name: "paint", kind: "plain" as const, ...rules },
        ],
      },
    ];
    const restate = {
      minProtocolVersion: 5,
      maxProtocolVersion: 7,
      mode: "request-response",
      http: "2",
    } as const;
    rig.engine.endpoints.set(uri, manifestOf(services, { wires: ["restate"], restate }));
    const registered = (await rig.send("POST", "/deployments", { uri })).json;
    assert.deepEqual([registered.min_protocol_version, registered.max_protocol_version], [5, 7]);
    const shown = (await rig.get(`/v3/deployments/${registered.id}`)).json;
    assert.deepEqual([shown.protocol_type, shown.http_version], ["RequestResponse", "HTTP/2.0"]);
    const [anything, paint] = shown.services[0].handlers;
    assert.deepEqual([anything.input_description, anything.output_description], ["anything", "anything"]);
    assert.equal(paint.input_description, "a body of content-type text/plain");
    assert.equal(paint.output_description, "a body of content-type image/png");
    assert.deepEqual(paint.input_json_schema, { type: "string" });
    const { paths } = (await rig.get("/services/Painter/openapi")).json;
    const { requestBody, responses } = paths["/Painter/paint"].post;
    assert.deepEqual(requestBody, {
      required: true,
      content: { "text/plain": { schema: { type: "string" } } },
    });
    assert.deepEqual(Object.keys(responses["200"].content), ["image/png"]);
    assert.deepEqual(Object.keys(paths["/Painter/anything"].post.requestBody.content), ["*/*"]);
  });
});

describe("changing a service", () => {
  it("opens a private one, and closes it again, for all its handlers", async () => {
    const opened = await rig.send("PATCH", "/services/Secret", { public: true });
    assert.deepEqual([opened.status, opened.json.public, opened.json.handlers[0].public], [200, true, true]);
    assert.equal((await rig.get("/services/Secret")).json.public, true);
    const closed = await rig.send("PATCH", "/v3/services/Secret", { public: false });
    assert.deepEqual([closed.json.public, closed.json.handlers[0].public], [false, false]);
  });

  it("sets durations in either way of writing them, and leaves the others as they are", async () => {
    await rig.send("PATCH", "/v3/services/Deploy", { workflow_completion_retention: "PT2H", public: false });
    const { json } = await rig.send("PATCH", "/v3/services/Deploy", {
      idempotency_retention: "30s",
      journal_retention: "0s",
      inactivity_timeout: "1h 30m",
      abort_timeout: "P1D",
    });
    assert.equal(json.workflow_completion_retention, "2h");
    assert.equal(json.public, false);
    assert.deepEqual(
      [json.idempotency_retention, json.journal_retention, json.inactivity_timeout, json.abort_timeout],
      ["30s", "0s", "1h 30m", "1d"],
    );
    assert.equal(rig.engine.tables.handlerSettings(DEPLOYMENT, "Deploy", "run").abortTimeoutMs, 86_400_000);
  });

  const refusals: ReadonlyArray<readonly [string, string, unknown, number, RegExp]> = [
    [
      "a duration that is none",
      "/services/Counter",
      { abort_timeout: "soon" },
      422,
      /"abort_timeout" must be/,
    ],
    [
      "a value of another kind",
      "/services/Counter",
      { public: "yes" },
      422,
      /"public" must be true or false/,
    ],
    [
      "a workflow's option elsewhere",
      "/services/Counter",
      { workflow_completion_retention: "1d" },
      400,
      /no workflow/,
    ],
    ["a service that is not there", "/services/Nobody", { public: true }, 404, /not registered/],
  ];
  for (const [what, path, body, status, message] of refusals) {
    it(`is refused for ${what}: ${status}`, async () => {
      const answer = await rig.send("PATCH", path, body);
      assert.deepEqual([answer.status, answer.json.restate_code], [status, null]);
      assert.match(answer.json.message, message);
    });
  }
});

describe("replacing state", () => {
  const bytes = (text: string): number[] => [...Buffer.from(text)];
  const replace = (body: unknown, service = "Counter") =>
    rig.send("POST", `/services/${service}/state`, body);

  it("takes the bytes of each value, and all of the old state is gone", async () => {
    const first = await replace({ object_key: "a", new_state: { total: bytes("1"), name: bytes('"x"') } });
    assert.deepEqual([first.status, first.text], [202, ""]);
    assert.deepEqual((await rig.get("/services/Counter/state/a")).json.entries, { total: 1, name: "x" });
    await replace({ object_key: "a", new_state: { total: bytes("2") }, version: "1", scope: null });
    assert.deepEqual((await rig.get("/services/Counter/state/a")).json.entries, { total: 2 });
  });

  const refusals: ReadonlyArray<readonly [string, unknown, string, number]> = [
    ["another version", { object_key: "a", new_state: {}, version: "7" }, "Counter", 409],
    [
      "a version that we cannot have given",
      { object_key: "a", new_state: {}, version: "xyz" },
      "Counter",
      400,
    ],
    ["a plain service", { object_key: "a", new_state: {} }, "Greeter", 400],
    ["an unknown service", { object_key: "a", new_state: {} }, "Nobody", 404],
    ["no key", { new_state: {} }, "Counter", 422],
    ["an empty key", { object_key: "", new_state: {} }, "Counter", 400],
    ["a value that is no list of bytes", { object_key: "a", new_state: { a: [256] } }, "Counter", 422],
    ["a scope", { object_key: "a", new_state: {}, scope: "s" }, "Counter", 501],
  ];
  for (const [what, body, service, status] of refusals) {
    it(`is refused for ${what}: ${status}`, async () => {
      const answer = await replace(body, service);
      assert.deepEqual([answer.status, answer.json.restate_code], [status, null], answer.text);
    });
  }
});
