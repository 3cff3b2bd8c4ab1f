import { serveAsLambda, serveOverHttp1, serveOverHttp2 } from "./restate-endpoint.ts";
import { semantics } from "./semantics.contract.ts";
import { MODES, OVER_HTTP1, REQUEST_BY_REQUEST, suiteTitle } from "./suite-titles.ts";

for (const mode of MODES) semantics(suiteTitle("TypeScript", mode), serveOverHttp2, mode);
semantics(suiteTitle(OVER_HTTP1, REQUEST_BY_REQUEST), serveOverHttp1, REQUEST_BY_REQUEST);
semantics("handlers of Restate's SDK that are a function", serveAsLambda, REQUEST_BY_REQUEST, {
  isLambda: true,
});
