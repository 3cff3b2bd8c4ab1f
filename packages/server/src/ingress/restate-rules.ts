/**
 * What handlers of Restate's SDKs take and give. They say it with rules about content types; what is in a body is theirs to
 * judge. Handlers of ours take and give JSON.
 */
import type { ServiceRow } from "@holdfast/engine";
import { HoldfastError, type InputRule } from "@holdfast/protocol";

export type OutputType = {
  readonly contentType: string | undefined;
  /** Also with an empty body. */
  readonly isToldWhenEmpty: boolean;
};

const OURS: OutputType = { contentType: "application/json", isToldWhenEmpty: false };
const UNTOLD: OutputType = { contentType: undefined, isToldWhenEmpty: false };
/** Types and parameters that can be sent. What a manifest says besides is not sent on. */
const SENDABLE = /^[\w.+*/-]+(?:;[\w\s.+="'/-]*)?$/;
const SHOWN_LENGTH = 100;

/** Throws `input-refused` for a request that the rule does not allow. */
export function checkRule(
  body: Uint8Array,
  contentType: string | undefined,
  { what, rule }: { readonly what: object; readonly rule: InputRule | undefined },
): void {
  if (rule === undefined) return;
  const isEmpty = body.length === 0 && contentType === undefined;
  if (isEmpty && rule.isRequired !== true) return;
  if (isEmpty) throw new HoldfastError("input-refused", { ...what, reason: "it is missing" });
  const { contentType: expected } = rule;
  if (expected === undefined || matches(mediaTypeOf(contentType ?? ""), mediaTypeOf(expected))) return;
  const given = contentType === undefined ? "no Content-type" : `Content-type '${shown(contentType)}'`;
  throw new HoldfastError("input-refused", {
    ...what,
    reason: `${given} does not match '${shown(expected)}'`,
  });
}

/** Of the newest revision, also for what an older one returned. */
export function outputTypeOf(service: ServiceRow | undefined, handler: string): OutputType {
  if (service === undefined || !service.isRestates) return OURS;
  const { contentType, setContentTypeIfEmpty = false } = service.handlers.get(handler)?.outputRule ?? {};
  if (contentType === undefined || !SENDABLE.test(contentType)) return UNTOLD;
  return { contentType, isToldWhenEmpty: setContentTypeIfEmpty };
}

function mediaTypeOf(contentType: string): string {
  const [mediaType = ""] = contentType.split(";", 1);
  return mediaType.trim().toLowerCase();
}

function matches(given: string, expected: string): boolean {
  if (expected === "*/*") return true;
  if (!expected.endsWith("/*")) return given === expected;
  return given.startsWith(expected.slice(0, -1));
}

function shown(contentType: string): string {
  return contentType.slice(0, SHOWN_LENGTH);
}
