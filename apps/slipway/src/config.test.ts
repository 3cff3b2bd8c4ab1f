import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readConfig } from "./config.ts";

describe("the command line", () => {
  const command = (...args: readonly string[]) =>
    readConfig(args, { INIT_CWD: "/home/kim" }, "/repo").command;

  it("starts, with the sample or with a directory seen from where its user is", () => {
    assert.deepEqual(command(), { kind: "start", directory: undefined, once: false });
    assert.deepEqual(command("shop", "--once"), { kind: "start", directory: "/home/kim/shop", once: true });
  });

  it("passes commands on", () => {
    assert.deepEqual(command("deploy", "shop"), { kind: "deploy", directory: "/home/kim/shop" });
    assert.deepEqual(command("rollback"), { kind: "roll back", app: undefined });
    assert.deepEqual(command("rollback", "shop"), { kind: "roll back", app: "shop" });
    assert.deepEqual(command("status"), { kind: "status" });
  });

  it("says what it does not understand", () => {
    assert.throws(() => command("deploy"), /Which directory/);
    assert.throws(() => command("status", "now"), /left over: "now"/);
    assert.throws(() => command("a", "b"), /left over: "b"/);
    assert.throws(() => command("--twice"), /--twice/);
    assert.throws(() => command("--edge-port", "http"), /--edge-port is "http"/);
    assert.throws(() => command("--control-port", "70000"), /from 0 to 65535/);
  });

  it("takes flags before the environment, and that before the defaults", () => {
    const environment = { SLIPWAY_DATA: "/data", SLIPWAY_EDGE_PORT: "81" };
    const config = readConfig(["--edge-port", "82"], environment, "/repo");
    assert.equal(config.edgePort, 82);
    assert.equal(config.dataDirectory, "/data");
    assert.equal(config.controlPort, 7_070);
    assert.equal(readConfig([], environment, "/repo").edgePort, 81);
  });
});
