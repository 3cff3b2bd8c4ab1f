/**
 * A request and its response as everything behind the listener sees them: Node's own, or those of a plain connection. Of
 * Node's only what both have is used.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

import type { PlainRequest } from "./plain-request.ts";
import type { PlainResponse } from "./plain-response.ts";

export type HttpRequest = IncomingMessage | PlainRequest;
export type HttpResponse = ServerResponse | PlainResponse;

export type HttpHandler = (req: HttpRequest, res: HttpResponse) => void;
