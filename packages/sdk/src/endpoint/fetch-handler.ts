/**
 * Handlers behind `(Request) => Promise<Response>`, for runtimes that answer one request and then stop: edge functions and
 * the like. An attempt is one request: its body holds the start and the journal, its response what the handler did next.
 * As nothing can arrive meanwhile, the handler suspends at the first wait whose answer is not in the journal.
 */
import {
  encodeMessage,
  FRAME_BODY_BYTES_MAX,
  FrameDecoder,
  FrameWriter,
  decodeMessage,
  MANIFEST_MEDIA_TYPE,
  MessageType,
  ProtocolError,
  type EngineMessage,
  type SdkMessage,
  type Servable,
} from "@holdfast/protocol";

import { definitionsIn } from "../definition/definition.ts";
import { systemEnvironment, type SessionOptions } from "../replay/environment.ts";
import { endpointManifest } from "./manifest.ts";
import { ProgramTable } from "./program-table.ts";

export interface FetchHandlerOptions extends SessionOptions {
  /** Path in front of everything. Default "". */
  readonly basePath?: string;
  /** Largest request body, in bytes. Default 32 MiB. */
  readonly bodyBytesMax?: number;
}

/** Media type of a sequence of frames, in either direction. */
export const FRAMES_MEDIA_TYPE = "application/vnd.holdfast.frames.v1";

/** Frames of the one session that a request is. */
const SESSION = 1;

/**
 * A fetch handler for the definitions: `GET /discover`, `GET /health`, and `POST /invoke/{service}/{handler}`.
 *
 * @throws TypeError when something is no definition, or a name is used twice.
 * @example export default { fetch: fetchHandler([mail, counter]) };
 */
export function fetchHandler(
  definitions: readonly Servable[],
  options: FetchHandlerOptions = {},
): (request: Request) => Promise<Response> {
  const defined = definitionsIn(definitions);
  const programs = new ProgramTable(defined);
  const environment = systemEnvironment(options, { acknowledges: false });
  // Not a wire that the protocol lists, so an engine that cannot drive it says so instead of trying.
  const manifest = { ...endpointManifest(defined, []), wires: ["request-response"] };
  const { basePath = "", bodyBytesMax = FRAME_BODY_BYTES_MAX } = options;

  return async (request) => {
    const path = new URL(request.url).pathname;
    const place = path.startsWith(basePath) ? path.slice(basePath.length) : "";
    if (request.method === "GET" && place === "/discover") return json(200, manifest, MANIFEST_MEDIA_TYPE);
    if (request.method === "GET" && place === "/health") return json(200, { status: "ok" });
    if (request.method !== "POST" || !place.startsWith("/invoke/"))
      return json(404, { message: "nothing is here" });
    try {
      const body = await readBody(request, bodyBytesMax);
      const [start, ...journal] = readMessages(body, bodyBytesMax);
      if (start?.type !== MessageType.Start)
        throw new ProtocolError("value-invalid", "The body does not begin with a Start");
      const sent = await new Promise<readonly SdkMessage[]>((resolve) =>
        attempt({
          journal,
          resolve,
          signal: request.signal,
          open: (engine) => programs.open(start, engine, environment),
        }),
      );
      return new Response(framesOf(sent), { headers: { "content-type": FRAMES_MEDIA_TYPE } });
    } catch (error) {
      if (error instanceof ProtocolError) return json(400, { message: error.message });
      throw error;
    }
  };
}

interface Attempt {
  /** Aborts when the engine no longer waits for the response. */
  readonly signal: AbortSignal;
  readonly journal: readonly EngineMessage[];
  readonly open: (engine: Parameters<ProgramTable["open"]>[1]) => ReturnType<ProgramTable["open"]>;
  readonly resolve: (sent: readonly SdkMessage[]) => void;
}

/** Runs to the first wait that has no answer, and gives back all that was sent. */
function attempt({ journal, open, resolve, signal }: Attempt): void {
  const sent: SdkMessage[] = [];
  const session = open({
    receive(message) {
      sent.push(message);
      if (isLast(message)) resolve(sent);
    },
    closed: () => resolve(sent),
  });
  for (const message of journal) session.receive(message);
  session.receive({ type: MessageType.SuspendRequest });
  signal.addEventListener("abort", () => {
    session.abort("the request was aborted");
    resolve(sent);
  });
}

async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  const body = new Uint8Array(await request.arrayBuffer());
  if (body.length <= bytesMax) return body;
  throw new ProtocolError(
    "frame-too-large",
    `The body has ${body.length} bytes, more than bodyBytesMax allows (${bytesMax})`,
  );
}

function readMessages(body: Uint8Array, bytesMax: number): EngineMessage[] {
  const decoder = new FrameDecoder({ maxBodyBytes: bytesMax });
  const frames = decoder.push(body);
  if (!decoder.isBetweenFrames) throw new ProtocolError("truncated", "The body ends within a frame");
  return frames.map((frame) => decodeMessage(frame.type, frame.body) as EngineMessage);
}

function framesOf(messages: readonly SdkMessage[]): Uint8Array<ArrayBuffer> {
  const writer = new FrameWriter();
  for (const message of messages) writer.append(message.type, SESSION, encodeMessage(message));
  return writer.take() as Uint8Array<ArrayBuffer>;
}

function isLast(message: SdkMessage): boolean {
  return (
    message.type === MessageType.End ||
    message.type === MessageType.Error ||
    message.type === MessageType.Suspension
  );
}

function json(status: number, body: object, mediaType = "application/json"): Response {
  const headers = { "content-type": mediaType, "x-content-type-options": "nosniff" };
  return new Response(JSON.stringify(body), { status, headers });
}
