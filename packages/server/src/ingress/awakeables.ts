/** Completing awakeables: whoever knows the id may. */
import {
  FIRST_AWAKEABLE_SIGNAL,
  HoldfastError,
  parseAwakeableId,
  type AwakeableId,
  type CompletionResponse,
  type Result,
} from "@holdfast/protocol";

import type { HttpRequest, HttpResponse } from "../http/exchange.ts";
import { isJsonType } from "../http/json-request.ts";
import { sendError, sendJson } from "../http/response.ts";
import type { CallScope } from "./call.ts";
import { checkInput } from "./input-check.ts";
import { refusalOf } from "./outcome.ts";
import { readRejection } from "./rejection.ts";

export type Verb = "resolve" | "reject";

/** Indexes below the first awakeable's are signals of the engine's own, cancel among them. */
export function requireAwakeable(text: string): AwakeableId {
  const id = parseAwakeableId(text);
  if (id !== undefined && id.signalIndex >= FIRST_AWAKEABLE_SIGNAL) return id;
  throw new HoldfastError("awakeable-id-invalid", { awakeableId: text.slice(0, 100) });
}

export function completeAwakeable(
  scope: CallScope,
  req: HttpRequest,
  res: HttpResponse,
  awakeable: { readonly text: string; readonly id: AwakeableId; readonly verb: Verb },
  body: Uint8Array,
): void {
  const { invocationId, signalIndex } = awakeable.id;
  const result = readResult(scope, req, awakeable, body);
  scope.engine.submit(
    { kind: "signal", id: invocationId, index: signalIndex, name: undefined, result, cause: "ingress" },
    (outcome) => {
      if (!outcome.ok && !isOver(outcome.code)) {
        const error = refusalOf(outcome, { awakeableId: awakeable.text, invocationId });
        sendError(res, error, "ingress", scope.onDefect);
        return;
      }
      const isIgnored = !outcome.ok || outcome.detail?.unchanged === true;
      const response: CompletionResponse = { status: isIgnored ? "ignored" : "accepted" };
      sendJson(res, 202, response);
    },
  );
}

function readResult(
  scope: CallScope,
  req: HttpRequest,
  awakeable: { readonly text: string; readonly id: AwakeableId; readonly verb: Verb },
  body: Uint8Array,
): Result {
  const contentType = req.headers["content-type"];
  const isAsItIs = isRestates(scope, awakeable.id);
  if (awakeable.verb === "reject") {
    return { kind: "failure", failure: readRejection(body, isAsItIs ? undefined : contentType) };
  }
  if (isAsItIs) return { kind: "value", value: body };
  // Said to be JSON, or not said what it is, it must be JSON: the handler could not read anything else.
  if (contentType === undefined || isJsonType(contentType)) {
    const what = { service: "awakeable", handler: awakeable.text };
    checkInput(body, contentType, { what, schema: undefined }, scope.settings.jsonDepthMax);
  }
  return { kind: "value", value: body };
}

/** Handlers of Restate's SDKs get whatever is sent, and read it themselves. */
function isRestates({ engine: { tables } }: CallScope, { invocationId }: AwakeableId): boolean {
  const service = tables.invocations.get(invocationId)?.target.service;
  return service !== undefined && tables.service(service)?.isRestates === true;
}

/**
 * A delivery that nobody waits for is no error, whether the invocation has ended or was never known: the sender of a webhook
 * could do nothing about it, and would send it again.
 */
function isOver(code: string): boolean {
  return code === "invocation-completed" || code === "invocation-not-found";
}
