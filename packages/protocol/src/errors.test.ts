import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import { errorCatalogue, type ErrorEntry } from "./error-catalogue.ts";
import { errorDocumentation } from "./error-document.ts";
import { HoldfastError, isErrorCode, problemJson } from "./errors.ts";

const DOCUMENT = new URL("../../../docs/errors.md", import.meta.url);
const entries: ReadonlyArray<readonly [string, ErrorEntry]> = Object.entries(errorCatalogue);

test("docs/errors.md is what the catalogue says (UPDATE=1 rewrites it)", () => {
  if (process.env["UPDATE"] === "1") writeFileSync(DOCUMENT, errorDocumentation());
  assert.equal(readFileSync(DOCUMENT, "utf8"), errorDocumentation());
});

test("every entry keeps to the grammar", () => {
  for (const [code, { hint, message, source, status }] of entries) {
    assert.match(code, /^[a-z]+(-[a-z]+)*$/, code);
    assert.ok(status >= 400 && status <= 599, code);
    assert.match(message, /^["{A-Z]/, code);
    assert.doesNotMatch(message, /\.$/, code);
    assert.match(hint, /^[A-Za-z].*[.>]$/, code);
    // Whatever the caller can mend is no fault of the server.
    const serverFaults = [
      "shutting-down",
      "disk-full",
      "internal-error",
      "authentication-unavailable",
      "query-failed",
      "query-unavailable",
    ];
    if (source !== "invocation" && status >= 500) assert.ok(serverFaults.includes(code), code);
  }
});

test("an error fills its details into the message and keeps them", () => {
  const cause = new Error("socket");
  const error = new HoldfastError("handler-not-found", { service: "Greeter", handler: "greet" }, { cause });
  assert.equal(error.message, 'Service "Greeter" has no handler "greet"');
  assert.equal(error.code, "handler-not-found");
  assert.equal(error.status, 404);
  assert.equal(error.cause, cause);
  assert.deepEqual(error.details, { service: "Greeter", handler: "greet" });
});

test("a detail that is missing shows, and one that looks like a placeholder is not filled in again", () => {
  assert.equal(new HoldfastError("service-not-found").message, 'Service "?" is not registered');
  const error = new HoldfastError("handler-not-found", { service: "{handler}", handler: "$&" });
  assert.equal(error.message, 'Service "{handler}" has no handler "$&"');
});

test("a problem document has everything a caller needs", () => {
  const problem = problemJson(new HoldfastError("service-not-found", { service: "Greeter" }));
  assert.equal(problem.message, 'Service "Greeter" is not registered');
  assert.deepEqual(problem.details, { service: "Greeter" });
  assert.equal(problem.source, "ingress");
  assert.match(JSON.stringify(problem), /docs\/errors\.md#service-not-found/);
  assert.ok(!("details" in problemJson(new HoldfastError("shutting-down"))));
});

test("isErrorCode() knows the catalogue and nothing else", () => {
  assert.ok(isErrorCode("service-not-found"));
  assert.ok(!isErrorCode("toString"));
  assert.ok(!isErrorCode("__proto__"));
});
