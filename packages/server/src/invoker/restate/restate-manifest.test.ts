/** Manifests of Restate's SDKs: what becomes of them, and which are refused, with the reason. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HoldfastError } from "@holdfast/protocol";

import { checkManifest } from "../manifest-check.ts";
import { isRestateManifest, translateManifest } from "./restate-manifest.ts";

const URL = "http://sdk.test:9080";
const ANSWER = { server: "restate-sdk-go/1.0", http: "2", versionMax: 6 } as const;

const read = (manifest: unknown) => checkManifest(URL, translateManifest(URL, manifest, ANSWER));

const manifest = (changes: object): object => ({
  protocolMode: "BIDI_STREAM",
  minProtocolVersion: 5,
  maxProtocolVersion: 7,
  services: [{ name: "greeter", ty: "SERVICE", handlers: [{ name: "greet" }] }],
  ...changes,
});
const withService = (changes: object): object =>
  manifest({ services: [{ name: "greeter", ty: "SERVICE", handlers: [{ name: "greet" }], ...changes }] });
const withHandler = (handler: object, ty = "SERVICE"): object =>
  withService({
    ty,
    handlers: [
      { name: "run", ...(ty === "WORKFLOW" ? { ty } : {}) },
      { name: "greet", ...handler },
    ],
  });

describe("a manifest of Restate's", () => {
  it("is recognised by its media type and nothing near it", () => {
    for (const version of [1, 2, 3, 4])
      assert.ok(isRestateManifest(`application/vnd.restate.endpointmanifest.v${version}+json`));
    for (const type of [
      "application/vnd.restate.endpointmanifest.v5+json",
      "application/vnd.restate.endpointmanifest.v4+json; charset=utf-8",
      "application/json",
    ]) {
      assert.ok(!isRestateManifest(type), type);
    }
  });

  it("of the least content says who serves what, and how it is driven", () => {
    assert.deepEqual(read(manifest({})), {
      wires: ["restate"],
      sdk: "restate-sdk-go/1.0",
      runtime: "unknown",
      restate: { minProtocolVersion: 5, maxProtocolVersion: 7, mode: "bidirectional", http: "2" },
      services: [{ name: "greeter", kind: "service", handlers: [{ name: "greet", kind: "plain" }] }],
    });
  });

  it("of request/response mode says that", () => {
    assert.equal(read(manifest({ protocolMode: "REQUEST_RESPONSE" })).restate?.mode, "request-response");
  });

  const options = {
    inactivityTimeout: 1,
    abortTimeout: 2,
    journalRetention: 3,
    idempotencyRetention: 4,
    enableLazyState: true,
    ingressPrivate: true,
    metadata: { "dev.restate.serde.preview.json": "x" },
    retryPolicyInitialInterval: 5,
    retryPolicyMaxInterval: 6,
    retryPolicyMaxAttempts: 7,
    retryPolicyExponentiationFactor: 1.5,
    retryPolicyOnMaxAttempts: "KILL",
  };
  const translated = {
    inactivityTimeoutMs: 1,
    abortTimeoutMs: 2,
    journalRetentionMs: 3,
    idempotencyRetentionMs: 4,
    lazyState: true,
    ingressPrivate: true,
    metadata: { "dev.restate.serde.preview.json": "x" },
    retryPolicy: {
      initialIntervalMs: 5,
      maxIntervalMs: 6,
      maxAttempts: 7,
      factor: 1.5,
      onMaxAttempts: "kill",
    },
  };

  it("keeps every option of services and handlers", () => {
    const [service] = read(withService({ ...options, documentation: "docs" })).services;
    const { handlers, name, kind, ...rest } = service ?? { handlers: [] };
    assert.deepEqual([handlers.length, name, kind], [1, "greeter", "service"]);
    assert.deepEqual(rest, { ...translated, documentation: "docs" });
    const [handler] =
      read(withService({ handlers: [{ name: "greet", ...options }] })).services[0]?.handlers ?? [];
    assert.deepEqual(handler, { name: "greet", kind: "plain", ...translated });
  });

  it("may say what it does not want by null, and no documentation by an empty one", () => {
    const nothing = Object.fromEntries(Object.keys(options).map((name) => [name, null]));
    const [service] = read(withService({ ...nothing, documentation: "" })).services;
    assert.deepEqual(Object.keys(service ?? {}), ["name", "kind", "handlers"]);
  });

  it("allows at least one attempt", () => {
    const [service] = read(withService({ retryPolicyMaxAttempts: 0 })).services;
    assert.deepEqual(service?.retryPolicy, { maxAttempts: 1 });
  });

  it("keeps what handlers say about requests and responses, away from the schemas that inputs are checked against", () => {
    const input = { required: false, contentType: "application/*", jsonSchema: { type: "string" } };
    const output = {
      contentType: "text/plain; charset=utf-8",
      setContentTypeIfEmpty: true,
      jsonSchema: true,
    };
    const [, handler] = read(withHandler({ input, output })).services[0]?.handlers ?? [];
    assert.deepEqual(handler, {
      name: "greet",
      kind: "plain",
      inputRule: { isRequired: false, contentType: "application/*", jsonSchema: { type: "string" } },
      outputRule: { contentType: "text/plain; charset=utf-8", setContentTypeIfEmpty: true, jsonSchema: true },
    });
  });

  const kinds: ReadonlyArray<
    readonly [service: string, handler: string | undefined, kind: string | undefined]
  > = [
    ["SERVICE", undefined, "plain"],
    ["SERVICE", "SHARED", "plain"],
    ["SERVICE", "EXCLUSIVE", undefined],
    ["SERVICE", "WORKFLOW", undefined],
    ["VIRTUAL_OBJECT", undefined, "exclusive"],
    ["VIRTUAL_OBJECT", "EXCLUSIVE", "exclusive"],
    ["VIRTUAL_OBJECT", "SHARED", "shared"],
    ["VIRTUAL_OBJECT", "WORKFLOW", undefined],
    ["WORKFLOW", undefined, "shared"],
    ["WORKFLOW", "SHARED", "shared"],
    ["WORKFLOW", "EXCLUSIVE", undefined],
  ];
  for (const [ty, handlerType, kind] of kinds) {
    it(`has handlers ${handlerType ?? "without a type"} of a ${ty} ${kind === undefined ? "refused" : `be ${kind}`}`, () => {
      const given = withHandler(handlerType === undefined ? {} : { ty: handlerType }, ty);
      if (kind === undefined)
        assert.throws(() => read(given), /invalid combination of service type and handler type/);
      else assert.equal(read(given).services[0]?.handlers[1]?.kind, kind);
    });
  }

  const refused: ReadonlyArray<{
    readonly name: string;
    readonly given: unknown;
    readonly reason: RegExp;
    readonly code?: string;
  }> = [
    { name: "no object", given: [], reason: /not an object/, code: "META0013" },
    {
      name: "no mode",
      given: manifest({ protocolMode: undefined }),
      reason: /protocolMode undefined/,
      code: "META0013",
    },
    {
      name: "an unknown mode",
      given: manifest({ protocolMode: "MAGIC" }),
      reason: /protocolMode MAGIC/,
      code: "META0013",
    },
    {
      name: "a mode that every object has",
      given: manifest({ protocolMode: "constructor" }),
      reason: /protocolMode constructor/,
      code: "META0013",
    },
    {
      name: "no versions",
      given: manifest({ maxProtocolVersion: undefined }),
      reason: /5 to undefined/,
      code: "META0013",
    },
    {
      name: "versions the wrong way round",
      given: manifest({ minProtocolVersion: 8 }),
      reason: /8 to 7/,
      code: "META0013",
    },
    {
      name: "only later versions",
      given: manifest({ minProtocolVersion: 7 }),
      reason: /versions 7 to 7 .* this server 5 to 6/,
      code: "META0012",
    },
    {
      name: "only earlier versions",
      given: manifest({ minProtocolVersion: 1, maxProtocolVersion: 4 }),
      reason: /1 to 4/,
      code: "META0012",
    },
    {
      name: "no services",
      given: manifest({ services: undefined }),
      reason: /no services/,
      code: "META0013",
    },
    { name: "an empty list of services", given: manifest({ services: [] }), reason: /no services/ },
    {
      name: "a service of an unknown type",
      given: withService({ ty: "THING" }),
      reason: /unknown type "THING"/,
    },
    {
      name: "a reserved name",
      given: withService({ name: "ReStateful" }),
      reason: /"ReStateful" is reserved/,
      code: "META0005",
    },
    { name: "a name for the API's description", given: withService({ name: "OpenAPI" }), reason: /reserved/ },
    {
      name: "a name that is none",
      given: withService({ name: "a/b" }),
      reason: /cannot be a service's name/,
    },
    {
      name: "a service twice",
      given: manifest({
        services: [1, 2].map(() => ({ name: "a", ty: "SERVICE", handlers: [{ name: "b" }] })),
      }),
      reason: /twice/,
    },
    {
      name: "a handler twice",
      given: withService({ handlers: [{ name: "b" }, { name: "b" }] }),
      reason: /twice/,
    },
    {
      name: "a workflow without a main handler",
      given: withService({ ty: "WORKFLOW" }),
      reason: /exactly one handler of kind "run"/,
    },
    {
      name: "a workflow's retention elsewhere",
      given: withHandler({ workflowCompletionRetention: 1 }),
      reason: /workflowCompletionRetention/,
    },
    {
      name: "an idempotency retention of a workflow's main handler",
      given: withService({
        ty: "WORKFLOW",
        handlers: [{ name: "run", ty: "WORKFLOW", idempotencyRetention: 1 }],
      }),
      reason: /idempotencyRetention/,
    },
    {
      name: "a public handler of a private service",
      given: withService({ ingressPrivate: true, handlers: [{ name: "greet", ingressPrivate: false }] }),
      reason: /cannot be public/,
    },
    { name: "a negative duration", given: withHandler({ abortTimeout: -1 }), reason: /abortTimeoutMs -1/ },
    {
      name: "an unknown end of a retry policy",
      given: withService({ retryPolicyOnMaxAttempts: "SHRUG" }),
      reason: /PAUSE or KILL/,
    },
    {
      name: "an input that is no media type",
      given: withHandler({ input: { contentType: "json" } }),
      reason: /which is no media type/,
    },
    {
      name: "an output that is no header",
      given: withHandler({ output: { contentType: "a\r\nb" } }),
      reason: /cannot be a header's value/,
    },
    {
      name: "a schema that is none",
      given: withHandler({ input: { jsonSchema: "string" } }),
      reason: /neither an object nor/,
    },
    {
      name: "a schema that refers elsewhere",
      given: withHandler({ output: { jsonSchema: { items: [{ $ref: "http://elsewhere.invalid/x" }] } } }),
      reason: /refers to http:\/\/elsewhere/,
    },
  ];
  for (const { name, given, reason, code } of refused) {
    it(`with ${name} is refused`, () => {
      assert.throws(
        () => read(given),
        (error: unknown) => {
          assert.ok(error instanceof HoldfastError);
          assert.equal(error.code, "deployment-incompatible");
          assert.match(error.message, reason);
          assert.equal(error.details["restateCode"], code);
          return true;
        },
      );
    });
  }
});
