import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { HoldfastError } from "@holdfast/protocol";

import { limitsOf, loadConfig, type ConfigInput } from "./config.ts";
import { configurationDocument } from "./configuration-document.ts";
import { environmentName, settings } from "./settings.ts";

function configFile(t: TestContext, content: unknown): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-config-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "holdfast.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function refusal(input: ConfigInput): HoldfastError {
  try {
    loadConfig(input);
  } catch (error) {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, "config-invalid");
    return error;
  }
  return assert.fail("the configuration was accepted");
}

test("without anything said, every setting has its default", () => {
  const { values, sources } = loadConfig();
  assert.equal(values["ingress.port"], 8080);
  assert.deepEqual(new Set(Object.values(sources)), new Set(["default"]));
});

test("arguments override the environment, which overrides the file", (t) => {
  const file = configFile(t, { ingress: { port: 1, host: "localhost", bodyBytesMax: 5 } });
  const { values, sources } = loadConfig({
    file,
    environment: { HOLDFAST_INGRESS_PORT: "2", HOLDFAST_INGRESS_HOST: "::1", PATH: "/bin" },
    arguments: { "ingress.port": 3, "admin.port": undefined },
  });
  assert.equal(values["ingress.port"], 3);
  assert.equal(values["ingress.host"], "::1");
  assert.equal(values["ingress.bodyBytesMax"], 5);
  assert.equal(sources["ingress.port"], "argument");
  assert.equal(sources["ingress.host"], "environment");
  assert.equal(sources["ingress.bodyBytesMax"], "file");
  assert.equal(sources["admin.port"], "default");
});

test("durations and sizes may be written as people write them", () => {
  const { values } = loadConfig({
    environment: { HOLDFAST_RETENTION_JOURNAL: "1h30m", HOLDFAST_INGRESS_BODY_BYTES_MAX: "2MiB" },
    arguments: { "session.inactivityTimeout": "500ms", "ingress.corsOrigins": "http://a, http://b" },
  });
  assert.equal(values["retention.journal"], 5_400_000);
  assert.equal(values["ingress.bodyBytesMax"], 2 * 1024 * 1024);
  assert.equal(values["session.inactivityTimeout"], 500);
  assert.deepEqual(values["ingress.corsOrigins"], ["http://a", "http://b"]);
});

test("a setting that does not exist is an error that says what was probably meant", (t) => {
  const file = configFile(t, { ingress: { bodyByteMax: 5 } });
  const inFile = refusal({ file });
  assert.match(inFile.message, /holdfast\.json sets "ingress\.bodyByteMax", which is no setting/);
  assert.match(inFile.hint, /ingress\.bodyBytesMax/);
  const inEnvironment = refusal({ environment: { HOLDFAST_INGRES_PORT: "1" } });
  assert.match(inEnvironment.message, /HOLDFAST_INGRES_PORT/);
  assert.match(inEnvironment.hint, /HOLDFAST_INGRESS_PORT/);
});

for (const [what, key, value, expected] of [
  ["text for a number", "ingress.port", "eighty", /expected a number from 0 to 65535/],
  ["a port beyond the last", "ingress.port", 65_536, /expected a number from 0 to 65535/],
  ["a negative size", "ingress.bodyBytesMax", -1, /expected bytes from 1/],
  ["a duration nobody can read", "retention.journal", "soon", /expected a duration such as "10m"/],
  ["a word that is no choice", "retry.onMaxAttempts", "explode", /expected one of pause, kill/],
  ["a number for text", "data", 5, /expected text/],
  ["an object for a list", "ingress.corsOrigins", {}, /expected a list of texts/],
] as const) {
  test(`${what} is refused, naming the key, the value and what was expected`, () => {
    const { message } = refusal({ arguments: { [key]: value } });
    assert.match(message, expected);
    assert.ok(message.includes(key));
    assert.ok(message.includes(JSON.stringify(value)));
  });
}

test("a file that is missing or not JSON is named with the reason", (t) => {
  assert.match(
    refusal({ file: "/nowhere/holdfast.json" }).message,
    /\/nowhere\/holdfast\.json cannot be read/,
  );
  assert.match(refusal({ file: configFile(t, "{") }).message, /is not JSON/);
  assert.match(refusal({ file: configFile(t, []) }).message, /must hold a JSON object/);
});

test("a file that nests without end is refused like any other that makes no sense", (t) => {
  for (const [open, close] of [
    ['{"a":', "}"],
    ["[", "]"],
  ] as const) {
    const nested = `{"data":${open.repeat(50_000)}1${close.repeat(50_000)}}`;
    assert.match(refusal({ file: configFile(t, nested) }).message, /nested deeper than 64 levels/);
  }
});

test("a file that holds too much is refused before it is parsed, and for what it is", (t) => {
  const brackets = "[".repeat(200);
  assert.match(refusal({ file: configFile(t, brackets) }).message, /nested deeper than 64 levels/);
  const keys = `[${'{"a":1},'.repeat(250_001)}1]`;
  assert.match(refusal({ file: configFile(t, keys) }).message, /has more than 250000 keys/);
});

test("a secret is not repeated in the error about it", () => {
  assert.doesNotMatch(refusal({ arguments: { "admin.token": 12_345 } }).message, /12345/);
});

test("every limit has a name, a key, a meaning and an error", () => {
  const limits = limitsOf(loadConfig());
  assert.ok(limits.length > 10);
  for (const limit of limits) {
    assert.ok(limit.configKey in settings);
    assert.ok(limit.meaning !== "" && limit.code !== "");
  }
});

test("what Kubernetes sets for a service called holdfast is no mistake of the operator", () => {
  loadConfig({
    environment: {
      HOLDFAST_SERVICE_HOST: "10.0.0.1",
      HOLDFAST_SERVICE_PORT: "8080",
      HOLDFAST_SERVICE_PORT_HTTP: "8080",
      HOLDFAST_PORT: "tcp://10.0.0.1:8080",
      HOLDFAST_PORT_8080_TCP_ADDR: "10.0.0.1",
      HOLDFAST_ADMIN_PORT: "tcp://10.0.0.1:9070",
    },
  });
});

test("every environment name belongs to one setting", () => {
  const names = Object.keys(settings).map(environmentName);
  assert.equal(new Set(names).size, names.length);
});

test("docs/configuration.md is what the table of settings says (UPDATE=1 rewrites it)", () => {
  const path = new URL("../../../docs/configuration.md", import.meta.url);
  if (process.env["UPDATE"] === "1") writeFileSync(path, configurationDocument());
  assert.equal(readFileSync(path, "utf8"), configurationDocument());
});
