import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { loadConfig, type LoadedConfig } from "../config.ts";
import { fitConnections, openFilesMax, parseOpenFilesMax, refusedConnections } from "./connection-limits.ts";

function connectionsOf({ values }: LoadedConfig): readonly [ingress: number, admin: number] {
  return [values["ingress.connectionsMax"], values["admin.connectionsMax"]];
}

describe("connections of a process", () => {
  const config = loadConfig();

  it("are as many as configured where enough files may be open, or the system does not say", () => {
    for (const filesMax of [undefined, 1_048_576, 20_000]) {
      const fitted = fitConnections(config, filesMax);
      assert.equal(fitted.config, config);
      assert.equal(fitted.warning, undefined);
    }
  });

  it("leave files for everything else, and operators a part, whatever the limit", () => {
    for (let filesMax = 80; filesMax < 11_300; filesMax += 7) {
      const { config: fitted, warning } = fitConnections(config, filesMax);
      const [ingress, admin] = connectionsOf(fitted);
      const accepted = ingress + refusedConnections(ingress) + admin + refusedConnections(admin);
      assert.ok(accepted <= filesMax - 64, `${accepted} of ${filesMax}`);
      assert.ok(ingress > 0 && admin > 0 && ingress <= 10_000 && admin <= 1_000);
      if (accepted < filesMax - 64 - 80) assert.deepEqual([ingress, admin], [10_000, 1_000]);
      assert.equal(warning === undefined, fitted === config);
    }
  });

  it("are lowered with a warning that says to what, and how to have more", () => {
    const { config: fitted, warning } = fitConnections(config, 96);
    assert.deepEqual(connectionsOf(fitted), [18, 6]);
    assert.equal(
      warning,
      "this process may have 96 files open, so ingress.connectionsMax is 18 and admin.connectionsMax is 6: raise ulimit -n for more",
    );
  });

  it("are some, however few files may be open", () => {
    assert.deepEqual(connectionsOf(fitConnections(config, 10).config), [9, 3]);
  });

  it("stay below numbers that are configured to be small", () => {
    const small = loadConfig({ arguments: { "ingress.connectionsMax": 500, "admin.connectionsMax": 2 } });
    assert.deepEqual(connectionsOf(fitConnections(small, 400).config), [269, 2]);
  });
});

describe("the limit of open files", () => {
  it("is the soft one of /proc/PID/limits, if there is one", () => {
    const line = (soft: string) =>
      `Max processes  1 1 processes\nMax open files            ${soft}    4096    files\n`;
    assert.equal(parseOpenFilesMax(line("1024")), 1024);
    assert.equal(parseOpenFilesMax(line("unlimited")), undefined);
    assert.equal(parseOpenFilesMax(""), undefined);
  });

  it("is known on Linux", { skip: process.platform !== "linux" }, () => {
    assert.ok((openFilesMax() ?? 0) > 0);
  });
});
