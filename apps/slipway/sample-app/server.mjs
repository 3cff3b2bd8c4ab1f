// Serves dist/ on PORT. Knows where it runs from REGION and DEPLOYMENT, which Slipway sets.

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const { PORT = "3000", HOST = "127.0.0.1", REGION = "nowhere", DEPLOYMENT = "none" } = process.env;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/healthz") return send(response, 200, "text/plain", "ok\n");
  if (pathname === "/where") {
    return send(
      response,
      200,
      "application/json",
      `${JSON.stringify({ region: REGION, deployment: DEPLOYMENT })}\n`,
    );
  }
  const name = pathname === "/" ? "index" : pathname.slice(1);
  const file = join(import.meta.dirname, "dist", `${name}.html`);
  if (!/^[\w-]+$/.test(name) || !existsSync(file)) return send(response, 404, "text/plain", "no such page\n");
  const facts = {
    region: REGION,
    deployment: DEPLOYMENT,
    pid: process.pid,
    uptime: `${Math.round(process.uptime())} s`,
  };
  const html = readFileSync(file, "utf8").replaceAll(/\{\{(\w+)\}\}/g, (_, key) => facts[key] ?? "");
  return send(response, 200, "text/html; charset=utf-8", html);
});

server.listen(Number(PORT), HOST, () => console.log(`${REGION}: listening on http://${HOST}:${PORT}`));
process.on("SIGTERM", () => server.close(() => process.exit(0)));

function send(response, status, type, body) {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}
