/** Endpoints of Restate's SDK behind TLS, over the HTTP that the two sides agree on. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("tls-program.contract.ts", import.meta.url));
const TIMEOUT_MS = 60_000;

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl)
  console.log("NOT TRIED: endpoints of Restate's SDK behind TLS. Needs openssl, which makes a certificate");

function run(folder: string, trusted: boolean) {
  const [key, certificate] = [join(folder, "key"), join(folder, "certificate")];
  return spawnSync(process.execPath, [PROGRAM, key, certificate], {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    env: { ...process.env, ...(trusted ? { NODE_EXTRA_CA_CERTS: certificate } : {}) },
  });
}

describe("an endpoint of Restate's SDK behind TLS", { skip: !hasOpenssl }, () => {
  it("is found and driven over HTTP/2 where it speaks that, and trusted only with a certificate that counts", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-tls-"));
    try {
      const files = ["-keyout", join(folder, "key"), "-out", join(folder, "certificate")];
      const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
      execFileSync(
        "openssl",
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...files, ...name],
        {
          stdio: "ignore",
        },
      );
      const { stdout, stderr } = run(folder, true);
      const lines = stdout.trim().split("\n");
      assert.deepEqual(
        lines.map((line) => JSON.parse(line || "null") as unknown),
        [
          ["2", "bidirectional", "HTTP/2 alone"],
          ["2", "bidirectional", "both"],
          ["1.1", "request-response", "HTTP/1.1 alone"],
        ],
        stderr,
      );
      assert.match(run(folder, false).stderr, /DEPTH_ZERO_SELF_SIGNED_CERT/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
