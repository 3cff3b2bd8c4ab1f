/** The path of a request, split first and decoded afterwards, so that a key may hold any character. */
import { HoldfastError } from "@holdfast/protocol";

export type RequestPath = {
  /** At least one; the one of "/" is empty. */
  readonly segments: readonly string[];
  /** Without the question mark. */
  readonly query: string;
};

const SLASH = 0x2f;
/** Table keys are built with these two, so no name and no key may hold them. */
const FORBIDDEN = ["\u0000", "\uffff"];
const SHOWN_LENGTH = 200;

/** One slash at the end is tolerated. Throws `path-invalid`. */
export function readPath(url: string): RequestPath {
  const mark = url.indexOf("?");
  let path = mark === -1 ? url : url.slice(0, mark);
  if (path.charCodeAt(0) !== SLASH) throw invalidPath(path, "it does not begin with a slash");
  if (path.length > 1 && path.charCodeAt(path.length - 1) === SLASH) path = path.slice(0, -1);
  const segments = path.slice(1).split("/");
  // Node's parser lets nothing but printable ASCII through.
  if (path.includes("%")) {
    for (const [index, segment] of segments.entries()) segments[index] = decodeSegment(segment, path);
  }
  return { segments, query: mark === -1 ? "" : url.slice(mark + 1) };
}

export function pathNotFound(segments: readonly string[]): HoldfastError {
  return new HoldfastError("not-found", { path: shown(`/${segments.join("/")}`) });
}

export function invalidPath(path: string, reason: string): HoldfastError {
  const details = { path: shown(path) };
  return new HoldfastError("path-invalid", details, {
    message: `The path "${details.path}" addresses nothing: ${reason}`,
  });
}

function decodeSegment(segment: string, path: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    throw invalidPath(path, "it is not UTF-8 in percent-encoding");
  }
  if (FORBIDDEN.some((character) => decoded.includes(character)))
    throw invalidPath(path, "it holds a character that names and keys may not have");
  return decoded;
}

function shown(path: string): string {
  return path.length <= SHOWN_LENGTH ? path : `${path.slice(0, SHOWN_LENGTH)}…`;
}
