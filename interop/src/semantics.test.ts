import { serveOverHttp1, serveOverHttp2 } from "./restate-endpoint.ts";
import { semantics } from "./semantics.contract.ts";

semantics({ name: "over HTTP/2", serve: serveOverHttp2 });
semantics({
  name: "that is suspended at every wait",
  serve: serveOverHttp2,
  options: { settings: { inactivityTimeoutMs: 0 } },
});
semantics({ name: "over HTTP/1.1, request by request", serve: serveOverHttp1 });
