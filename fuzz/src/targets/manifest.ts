/** What an endpoint says about itself, and what the engine makes of it. */
import { BinaryWriter, encodeRecord, Partition, Tables, type RecordBody } from "@holdfast/engine";
import { HoldfastError, type EndpointManifest } from "@holdfast/protocol";
import { checkInput, parseManifest } from "@holdfast/server/parts";

import { refusedOr, require, type Target } from "../engine/target.ts";

const URL = "http://localhost:9080";
const NOW = 1_893_456_000_000;
const BODIES = ['{"name":"Ada"}', "[]", "null", '"text"', "1.5"].map((text) => Buffer.from(text));

/** Accepted is what can be registered, called, retried, stored, and read back from the log. */
function run(input: Uint8Array): void {
  const text = Buffer.from(input).toString("utf8");
  const manifest = refusedOr([HoldfastError], () => parseManifest(URL, text));
  if (manifest === undefined) return;
  register(manifest);
  for (const service of manifest.services)
    for (const { name, inputSchema } of service.handlers.slice(0, 4)) {
      const checked = { what: { service: service.name, handler: name }, schema: inputSchema };
      for (const body of BODIES)
        refusedOr([HoldfastError], () => checkInput(body, "application/json", checked, 64));
    }
}

export function register(manifest: EndpointManifest): void {
  const tables = new Tables({ get: () => undefined, scan: () => [] });
  const partition = new Partition(tables);
  const writer = new BinaryWriter();
  const apply = (body: RecordBody): void => {
    encodeRecord(writer, { at: NOW, body });
    partition.apply({ at: NOW, body });
  };
  const flags = { force: false, breaking: false, dryRun: false };
  apply({ kind: "register-deployment", id: "dp_1", url: URL, manifest, metadata: {}, headers: {}, ...flags });
  const [service] = manifest.services;
  const [handler] = service?.handlers ?? [];
  if (service === undefined || handler === undefined) return;
  require(tables.service(service.name)?.handlers.has(handler.name) ===
    true, "a handler that cannot be found", handler);
  const target = {
    service: service.name,
    handler: handler.name,
    key: handler.kind === "plain" ? "" : "k",
    kind: handler.kind,
  };
  const source = { kind: "ingress", id: "" } as const;
  const call = { input: new Uint8Array(0), inputHash: 0, idempotencyKey: undefined, startAt: 0, source };
  apply({ kind: "invoke", id: "inv_1", target, ...call });
  const loss = { code: "connection-lost", message: "gone", counted: true, pause: false, retryDelayMs: -1 };
  for (let attempt = 1; attempt < 4; attempt++)
    apply({ kind: "attempt-lost", id: "inv_1", attempt, ...loss });
  tables.freeze();
  while (!tables.encodeFrozen(1_000));
}

const handler = { name: "greet", kind: "plain" };
const retryPolicy = {
  initialIntervalMs: 50,
  factor: 2,
  maxIntervalMs: 1_000,
  maxAttempts: 3,
  onMaxAttempts: "pause",
};
const inputSchema = {
  type: "object",
  properties: { name: { type: "string", minLength: 1 } },
  required: ["name"],
  additionalProperties: false,
};

function seed(...services: readonly object[]): Uint8Array {
  return Buffer.from(JSON.stringify({ wires: ["native"], sdk: "x/1", runtime: "node/24.1.0", services }));
}

export const manifest: Target = {
  name: "manifest",
  decodes: "discovery manifest and the schemas in it",
  seeds: () => [
    seed({ name: "Greeter", kind: "service", handlers: [handler] }),
    seed({
      name: "G",
      kind: "service",
      handlers: [{ ...handler, inputSchema, retryPolicy, ingressPrivate: true }],
    }),
    seed({
      name: "C",
      kind: "object",
      lazyState: true,
      handlers: [{ name: "add", kind: "exclusive", abortTimeoutMs: 5 }],
    }),
    seed({
      name: "W",
      kind: "workflow",
      handlers: [{ name: "run", kind: "run", promises: { ok: true }, journalRetentionMs: 1 }],
    }),
  ],
  tokens: [
    [
      '"name":',
      '"kind":',
      '"handlers":[',
      '"services":[',
      '"wires":',
      '"runtime":',
      '"retryPolicy":{',
      '"factor":',
      '"maxAttempts":',
    ],
    [
      '"initialIntervalMs":',
      '"maxIntervalMs":',
      '"onMaxAttempts":"kill"',
      '"inputSchema":',
      '"documentation":',
      '"metadata":{"a":1}',
    ],
    [
      '{"toString":1}',
      '{"$ref":"#"}',
      '{"pattern":"(a+)+$"}',
      '{"not":',
      '{"anyOf":[',
      '{"enum":[1]}',
      '"__proto__":',
      '"constructor"',
    ],
    ["[", "]", "{", "}", ",", "null", "true", "1e999", "0.5", "9007199254740993", "-1", '{"a":', '"x"'],
  ].flat(),
  hasJson: true,
  run,
};
