import assert from "node:assert/strict";
import { test } from "node:test";

import { z } from "zod";

import { curlLine, shellQuoted } from "./curl-line.ts";
import { sampleOf } from "./sample.ts";

test("a sample has what is required, and of the right types", () => {
  const schema = z.object({
    app: z.string(),
    replicas: z.number().int().min(2),
    region: z.enum(["eu", "us"]),
    at: z.iso.datetime(),
    owner: z.email(),
    tags: z.array(z.string()),
    nested: z.object({ on: z.boolean() }),
    mode: z.literal("fast"),
    maybe: z.string().nullable(),
    left: z.string().optional(),
  });
  const sample = sampleOf(z.toJSONSchema(schema));
  assert.deepEqual(sample, {
    app: "app",
    replicas: 2,
    region: "eu",
    at: "2030-01-01T12:00:00Z",
    owner: "ada@example.com",
    tags: ["tag"],
    nested: { on: true },
    mode: "fast",
    maybe: "maybe",
  });
  schema.parse(sample);
});

test("unions, tuples, references and intersections are followed", () => {
  const schema = z.intersection(
    z.object({ pair: z.tuple([z.string(), z.number()]) }),
    z.object({ either: z.union([z.object({ a: z.literal(1) }), z.object({ b: z.literal(2) })]) }),
  );
  schema.parse(sampleOf(z.toJSONSchema(schema)));
  const reference = {
    $defs: { name: { type: "string", minLength: 6 } },
    type: "object",
    properties: { who: { $ref: "#/$defs/name" } },
  };
  assert.deepEqual(sampleOf(reference), { who: "whoxxx" });
});

test("a schema that refers to itself ends", () => {
  const node = { $ref: "#" };
  const tree = { type: "object", properties: { left: node, right: node }, required: ["left", "right"] };
  assert.equal(typeof sampleOf(tree), "object");
  assert.deepEqual(sampleOf({ $ref: "#" }), {});
  assert.deepEqual(sampleOf({ $ref: "https://elsewhere" }), {});
});

test("schemas that say little or nothing still give something", () => {
  assert.deepEqual(sampleOf(true), {});
  assert.deepEqual(sampleOf({}), {});
  assert.equal(sampleOf({ type: ["null", "string"] }), "text");
  assert.equal(sampleOf({ type: "null" }), null);
  assert.equal(sampleOf({ default: 3, type: "number" }), 3);
  assert.equal(sampleOf({ type: "integer", exclusiveMinimum: 5, multipleOf: 4 }), 8);
  assert.equal(sampleOf(false), undefined);
});

test("a line for curl can be pasted into a shell", () => {
  const handler = { name: "add", inputSchema: { const: "it's" } };
  assert.equal(
    curlLine("http://127.0.0.1:8080", { name: "counter", kind: "object" }, handler),
    String.raw`curl http://127.0.0.1:8080/counter/some-key/add --json '"it'\''s"'`,
  );
  assert.equal(
    curlLine("http://h", { name: "s", kind: "service" }, { name: "go", inputSchema: false }),
    "curl -X POST http://h/s/go",
  );
  assert.equal(shellQuoted("$HOME `x`"), "'$HOME `x`'");
});
