/** A proxy in the environment would dial for the server, past every check of addresses. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { MANIFEST_MEDIA_TYPE } from "@holdfast/protocol";

import { scriptedManifest } from "./scripted-endpoint.contract.ts";

const PROGRAM = fileURLToPath(new URL("proxy-environment.contract.ts", import.meta.url));

/** A server that notes the targets of its requests and answers all of them with a manifest. */
async function listen(): Promise<{ server: Server; url: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? "");
    response.writeHead(200, { "content-type": MANIFEST_MEDIA_TYPE, connection: "close" });
    response.end(JSON.stringify(scriptedManifest));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

test("discovery goes to the deployment itself although a proxy is in the environment", async (t) => {
  const [endpoint, proxy] = [await listen(), await listen()];
  t.after(() => {
    endpoint.server.close();
    proxy.server.close();
  });
  const env = {
    ...process.env,
    NODE_USE_ENV_PROXY: "1",
    HTTP_PROXY: proxy.url,
    http_proxy: proxy.url,
    NO_PROXY: "",
    no_proxy: "",
  };
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, endpoint.url], { env });
  assert.match(stdout, /^discovered /);
  assert.deepEqual(endpoint.seen, ["/discover"]);
  assert.deepEqual(proxy.seen, [`${endpoint.url}/`], "only the request that follows the environment");
});
