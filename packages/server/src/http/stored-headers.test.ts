import assert from "node:assert/strict";
import { it } from "node:test";

import { settings } from "../settings.ts";
import { headerFilter } from "./stored-headers.ts";

it("keeps what the defaults list, and no credentials", () => {
  const filter = headerFilter(settings["ingress.storedHeaders"].default);
  const stored = filter({
    "content-type": "application/json",
    traceparent: "t",
    "x-request-id": "r",
    "x-forwarded-for": "10.0.0.1",
    "x-real-ip": "10.0.0.1",
    "x-api-key": "canary",
    "x-auth-token": "canary",
    "x-restate-id": "spoofed",
    authorization: "canary",
    cookie: "canary",
    "set-cookie": ["canary"],
    "user-agent": "curl",
  });
  assert.deepEqual(stored, [
    ["content-type", "application/json"],
    ["traceparent", "t"],
    ["x-request-id", "r"],
  ]);
});

it("lets exceptions win wherever they stand, and names be written in any case", () => {
  const filter = headerFilter(["!X-Secret", "X-*", "Accept-Language"]);
  assert.deepEqual(filter({ "x-secret": "s", "x-a": "1", "accept-language": "de" }), [
    ["x-a", "1"],
    ["accept-language", "de"],
  ]);
});

it("keeps all but credentials, and what is about the connection or ours, where * is listed", () => {
  const filter = headerFilter(["*", "!accept"]);
  const given = {
    "my-header": "m",
    accept: "a",
    authorization: "canary",
    connection: "close",
    "x-restate-id": "s",
  };
  assert.deepEqual(filter(given), [["my-header", "m"]]);
});

it("refuses patterns that are none, and credentials", () => {
  for (const pattern of ["*x", "x y", "", "authorization", "Cookie"]) {
    assert.throws(() => headerFilter([pattern]), { code: "config-invalid" }, pattern);
  }
  assert.doesNotThrow(() => headerFilter(["!authorization", "x-api-key", "*".replace("*", "a*")]));
});

it("does not remember more names than fit", () => {
  const filter = headerFilter(["x-*"]);
  for (let index = 0; index < 5_000; index++) assert.equal(filter({ [`x-${index}`]: "1" }).length, 1);
});
