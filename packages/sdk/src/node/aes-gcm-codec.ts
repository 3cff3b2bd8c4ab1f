/**
 * Encryption of values in the handler's process: engine, disk and backups hold what they cannot read. What is in clear all
 * the same is listed in docs/encryption.md.
 *
 * The stored form is JSON, so that everything that passes values on (ingress, admin API, clients) can:
 *
 *     ["$encrypted","v1","<key id>","<nonce, ciphertext and tag in base64>"]
 *
 * and for outputs a fifth item, the whole place, because a caller may know only part of it. An array, because the plain form
 * of values leaves arrays as they are: so a caller who has the key can pass the stored form on as an ordinary input.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

import { decodeValue, encodeValue } from "@holdfast/protocol";

import { PauseError } from "../errors.ts";
import type { ValueCodec, ValuePlace } from "../replay/environment.ts";

export interface AesGcmCodecOptions {
  /** Keys of 32 random bytes by id. Values are read with the one they name. Dropping a key makes its values unreadable. */
  readonly keys: Readonly<Record<string, Uint8Array>>;
  /** Id of the key that new values are encrypted with. */
  readonly current: string;
  /**
   * Where values may also come in clear: from callers over HTTP, who have no key. Whoever can write such a value into the
   * engine is then believed. Default: nowhere.
   */
  readonly acceptPlain?: ReadonlyArray<ValuePlace["kind"]>;
}

const TAG = "$encrypted";
const VERSION = "v1";
const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * A codec that encrypts every value with AES-256-GCM and binds it to the place that it lies at: bytes that are moved to
 * another step, handler or key do not open, nor outputs that are read by an invocation's id. An input's place has no
 * invocation: the inputs of one handler and key can be swapped.
 *
 * @throws TypeError for keys that are not 32 bytes, malformed ids, and a `current` that is none of them.
 * @example
 * await serve({ services, codec: aesGcmCodec({ keys: { "2026-11": newKey, "2026-05": oldKey }, current: "2026-11" }) });
 */
export function aesGcmCodec(options: AesGcmCodecOptions): ValueCodec {
  return new AesGcmCodec(options);
}

class AesGcmCodec implements ValueCodec {
  readonly isRandomized = true;
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #currentId: string;
  readonly #current: Uint8Array;
  readonly #plain: ReadonlySet<ValuePlace["kind"]>;

  constructor({ keys, current, acceptPlain }: AesGcmCodecOptions) {
    this.#keys = new Map(Object.entries(keys).map(([id, key]) => [id, checkedKey(id, key)]));
    const currentKey = this.#keys.get(current);
    if (currentKey === undefined)
      throw new TypeError(`aesGcmCodec: current is ${JSON.stringify(current)}, which is none of keys`);
    this.#currentId = current;
    this.#current = currentKey;
    this.#plain = new Set(acceptPlain);
  }

  encode(value: unknown, root: string, place: ValuePlace): Uint8Array {
    const plain = encodeValue(value, root);
    const where = placeText(place);
    const nonce = place.kind === "input" ? this.#inputNonce(where, plain) : randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#current, nonce);
    cipher.setAAD(boundTo(this.#currentId, where));
    const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    const items = [TAG, VERSION, this.#currentId, sealed.toString("base64")];
    if (place.kind === "output") items.push(where);
    return new TextEncoder().encode(JSON.stringify(items));
  }

  /**
   * The same input to the same handler and key has the same bytes, as the engine compares them when two calls have one
   * idempotency key. A nonce comes twice only with the same key, place and value, so it gives away no more than that.
   */
  #inputNonce(where: string, plain: Uint8Array): Uint8Array {
    const nonceKey = createHmac("sha256", this.#current).update("nonce of inputs").digest();
    const digest = createHmac("sha256", nonceKey).update(`${where.length}:${where}`).update(plain).digest();
    return digest.subarray(0, NONCE_BYTES);
  }

  decode(bytes: Uint8Array, place: ValuePlace): unknown {
    const envelope = readEnvelope(bytes);
    if (envelope === undefined) {
      if (this.#plain.has(place.kind)) return decodeValue(bytes);
      throw new PauseError(
        `${nameOf(place)} is not encrypted, and this handler takes only what is. ` +
          `If it may come from callers without a key, give aesGcmCodec acceptPlain: ["${place.kind}"].`,
      );
    }
    const key = this.#keys.get(envelope.keyId);
    if (key === undefined) {
      throw new PauseError(
        `${nameOf(place)} is encrypted with the key "${envelope.keyId}", which this handler does not have. ` +
          "Give aesGcmCodec that key and resume; if it was destroyed on purpose, so was the value: kill the invocation.",
      );
    }
    const where = envelope.where ?? placeText(place);
    const plain = fits(where, place) ? open(key, envelope, where) : undefined;
    if (plain !== undefined) return decodeValue(plain);
    throw new PauseError(
      `${nameOf(place)} does not open with the key "${envelope.keyId}": it was changed, or moved here from another place, ` +
        "or another key goes by that id.",
    );
  }
}

type Envelope = { readonly keyId: string; readonly sealed: Uint8Array; readonly where: string | undefined };

function readEnvelope(bytes: Uint8Array): Envelope | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (!text.includes(`"${TAG}"`)) return undefined;
  let items: unknown;
  try {
    items = JSON.parse(text);
  } catch {
    // What is no JSON is no envelope either. If plain values are taken here, decoding it will say what is wrong.
    return undefined;
  }
  if (!Array.isArray(items) || items.some((item) => typeof item !== "string")) return undefined;
  const [tag, version, keyId, sealed, where] = items as readonly string[];
  if (tag !== TAG || version !== VERSION || keyId === undefined || sealed === undefined) return undefined;
  return { keyId, sealed: Buffer.from(sealed, "base64"), where };
}

function open(key: Uint8Array, { keyId, sealed }: Envelope, where: string): Uint8Array | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(boundTo(keyId, where));
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]);
  } catch {
    // The library says no more than that it does not fit; the caller says where.
    return undefined;
  }
}

function boundTo(keyId: string, where: string): Uint8Array {
  return new TextEncoder().encode(`holdfast value ${VERSION}\n${keyId}\n${where}`);
}

/** A place as text, its fields in one order whoever made it. */
function placeText(place: ValuePlace): string {
  return JSON.stringify(Object.entries(place).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether a place as the writer knew it is the one that the reader means. */
function fits(where: string, place: ValuePlace): boolean {
  let written: unknown;
  try {
    written = JSON.parse(where);
  } catch {
    // Nobody who has the key wrote that.
    return false;
  }
  if (!Array.isArray(written)) return false;
  const known = new Map(written.filter(Array.isArray) as Array<[unknown, unknown]>);
  return Object.entries(place).every(([field, value]) => known.get(field) === value);
}

function nameOf(place: ValuePlace): string {
  switch (place.kind) {
    case "state":
    case "promise":
    case "signal":
      return `The ${place.kind} ${JSON.stringify(place.name)}`;
    case "step":
      return `The result of a step (completion ${place.completionId})`;
    case "input":
      return `The input of ${place.service}/${place.handler}`;
    case "output":
      return "The output of a call";
    case "awakeable":
      return "The value of an awakeable";
  }
}

function checkedKey(id: string, key: Uint8Array): Uint8Array {
  if (!KEY_ID.test(id))
    throw new TypeError(
      `aesGcmCodec: ${JSON.stringify(id)} cannot be a key's id; letters, digits, ".", "_" and "-" can, up to 64`,
    );
  if (!(key instanceof Uint8Array) || key.length !== KEY_BYTES)
    throw new TypeError(
      `aesGcmCodec: the key "${id}" must be ${KEY_BYTES} random bytes; make one with crypto.randomBytes(${KEY_BYTES})`,
    );
  return key;
}
