/** Completing awakeables: whoever knows the id may. */
import type { Outcome } from "@holdfast/engine";
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
      const status = statusOf(scope, outcome, awakeable.id);
      if (status === undefined) {
        const error = refusal(outcome, awakeable.text, invocationId);
        sendError(res, error, "ingress", scope.onDefect);
        return;
      }
      const response: CompletionResponse = { status };
      sendJson(res, 202, response);
    },
  );
}

function readResult(
  scope: CallScope,
  req: HttpRequest,
  awakeable: { readonly text: string; readonly verb: Verb },
  body: Uint8Array,
): Result {
  const contentType = req.headers["content-type"];
  if (awakeable.verb === "reject") return { kind: "failure", failure: readRejection(body, contentType) };
  // Said to be JSON, or not said what it is, it must be JSON: the handler could not read anything else.
  if (contentType === undefined || isJsonType(contentType)) {
    const what = { service: "awakeable", handler: awakeable.text };
    checkInput(body, contentType, { what, schema: undefined }, scope.settings.jsonDepthMax);
  }
  return { kind: "value", value: body };
}

/** Undefined: refused. A second delivery of the same webhook is no error, also when the invocation has ended since. */
function statusOf(
  scope: CallScope,
  outcome: Outcome,
  id: AwakeableId,
): CompletionResponse["status"] | undefined {
  if (outcome.ok) return outcome.detail?.unchanged === true ? "ignored" : "accepted";
  if (outcome.code !== "invocation-completed") return undefined;
  const row = scope.engine.tables.invocations.get(id.invocationId);
  return row?.settledSignals.has(id.signalIndex) === true ? "ignored" : undefined;
}

function refusal(outcome: Outcome, awakeableId: string, invocationId: string): HoldfastError {
  if (outcome.ok || outcome.code === "invocation-not-found") {
    return new HoldfastError("awakeable-not-found", { awakeableId });
  }
  return refusalOf(outcome, { awakeableId, invocationId });
}
