import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServiceInfo } from "@holdfast/protocol";

import { CliError } from "../cli-error.ts";
import { filterOf, type FilterValues } from "./filter-options.ts";
import { targetFilter } from "./selection.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");

function service(kind: ServiceInfo["kind"], ...handlers: readonly string[]): ServiceInfo {
  return { name: "counter", kind, handlers: handlers.map((name) => ({ name })) } as unknown as ServiceInfo;
}

const none: FilterValues = {
  service: undefined,
  handler: undefined,
  key: undefined,
  status: [],
  deployment: undefined,
  result: undefined,
  before: undefined,
  after: undefined,
  "idempotency-key": undefined,
  failure: undefined,
};

test("an object's parts are its key, its handler, or both", () => {
  const object = service("object", "add", "get");
  assert.deepEqual(targetFilter(object, ["add"]), { service: "counter", handler: "add" });
  assert.deepEqual(targetFilter(object, ["visits"]), { service: "counter", key: "visits" });
  assert.deepEqual(targetFilter(object, ["visits", "add"]), {
    service: "counter",
    key: "visits",
    handler: "add",
  });
  assert.deepEqual(targetFilter(object, ["a", "b", "add"]), {
    service: "counter",
    key: "a/b",
    handler: "add",
  });
  assert.deepEqual(targetFilter(object, ["a", "b"]), { service: "counter", key: "a/b" });
});

test("a plain service has handlers only", () => {
  assert.deepEqual(targetFilter(service("service", "greet"), ["greet"]), {
    service: "counter",
    handler: "greet",
  });
  assert.throws(() => targetFilter(service("service", "greet"), ["gret"]), /has no handler "gret"/);
  assert.throws(() => targetFilter(service("service", "greet"), ["key", "greet"]), /no handler/);
});

test("statuses are separated by commas or given again", () => {
  const { status } = filterOf({ ...none, status: ["paused,queued", "running"] }, NOW);
  assert.deepEqual(status, ["paused", "queued", "running"]);
  assert.throws(() => filterOf({ ...none, status: ["pausd"] }, NOW), /no status/);
});

test("a duration is so long ago, a time is itself", () => {
  const filter = filterOf({ ...none, after: "2h", before: "2029-12-31T23:30:00Z" }, NOW);
  assert.equal(filter.createdAfter, "2029-12-31T22:00:00.000Z");
  assert.equal(filter.createdBefore, "2029-12-31T23:30:00.000Z");
  assert.throws(() => filterOf({ ...none, before: "yesterday" }, NOW), /neither a time nor a duration/);
  assert.throws(() => filterOf({ ...none, result: "ok" }, NOW), /no result/);
});

test("so long ago that there is no such time is refused like any other mistake", () => {
  assert.throws(() => filterOf({ ...none, before: "14500000w" }, NOW), CliError);
  assert.throws(() => filterOf({ ...none, after: "9007199254740991ms" }, NOW), CliError);
});
