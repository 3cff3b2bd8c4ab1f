/**
 * Identifiers, in the formats of the Restate service protocol so that its SDKs can build and show them:
 *
 * | id         | text                                          | raw                                      |
 * |------------|-----------------------------------------------|------------------------------------------|
 * | invocation | `inv_1` + 11 + 22 base-62 characters          | partition key (8 bytes) ‖ uuid (16)      |
 * | awakeable  | `sign_1` + 38 base64url characters            | invocation (24) ‖ signal index (u32 BE)  |
 * | deployment | `dp_1` + 22 base-62 characters                | ULID (16)                                |
 *
 * The `1` is the version of the format. Raw forms are big-endian, so they sort by partition key, then by time of birth.
 */

import { readBase62, writeBase62 } from "./base62.ts";
import { decodeBase64Url, encodeBase64Url } from "./base64url.ts";
import { xxh3 } from "./xxh3.ts";

export const RAW_INVOCATION_ID_BYTES = 24;
export const PARTITION_KEY_BYTES = 8;

const INVOCATION_PREFIX = "inv_1";
const AWAKEABLE_PREFIX = "sign_1";
const DEPLOYMENT_PREFIX = "dp_1";
const WIDTH_64 = 11;
const WIDTH_128 = 22;
const INVOCATION_LENGTH = INVOCATION_PREFIX.length + WIDTH_64 + WIDTH_128;
const DEPLOYMENT_LENGTH = DEPLOYMENT_PREFIX.length + WIDTH_128;
const AWAKEABLE_RAW_BYTES = RAW_INVOCATION_ID_BYTES + 4;
const AWAKEABLE_LENGTH = AWAKEABLE_PREFIX.length + 38;
/** Restate's SDK for Java writes it behind awakeable ids, and others may pass those on. */
const AWAKEABLE_PADDING = "==";

const invocationText = new Uint8Array(WIDTH_64 + WIDTH_128);
const deploymentText = new Uint8Array(WIDTH_128);
/** Allocating for every key would take longer than hashing it. */
const keyBuffer = new Uint8Array(1024);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export type AwakeableId = { readonly invocationId: string; readonly signalIndex: number };

/** Text of a raw invocation id of 24 bytes. */
export function formatInvocationId(raw: Uint8Array): string {
  requireLength(raw, RAW_INVOCATION_ID_BYTES, "invocation id");
  writeBase62(raw, 0, 8, invocationText, 0, WIDTH_64);
  writeBase62(raw, 8, 16, invocationText, WIDTH_64, WIDTH_128);
  return INVOCATION_PREFIX + decoder.decode(invocationText);
}

/** The 24 raw bytes of an invocation id, or undefined when the text is none. */
export function parseInvocationId(text: string): Uint8Array | undefined {
  if (text.length !== INVOCATION_LENGTH || !text.startsWith(INVOCATION_PREFIX)) return undefined;
  const raw = new Uint8Array(RAW_INVOCATION_ID_BYTES);
  const at = INVOCATION_PREFIX.length;
  if (!readBase62(text, at, WIDTH_64, raw, 0, 8)) return undefined;
  return readBase62(text, at + WIDTH_64, WIDTH_128, raw, 8, 16) ? raw : undefined;
}

/** A fresh raw invocation id: partition key, 48 bits of milliseconds since the Unix epoch, ten random bytes. */
export function newRawInvocationId(partitionKey: Uint8Array, timeMs: number, random: Uint8Array): Uint8Array {
  requireLength(partitionKey, PARTITION_KEY_BYTES, "partition key");
  const raw = new Uint8Array(RAW_INVOCATION_ID_BYTES);
  raw.set(partitionKey, 0);
  writeUlid(raw, PARTITION_KEY_BYTES, timeMs, random);
  return raw;
}

/** A raw invocation id whose uuid follows from what is called (idempotency key, workflow key), see `deterministicUuid`. */
export function rawInvocationIdOf(partitionKey: Uint8Array, uuid: Uint8Array): Uint8Array {
  requireLength(partitionKey, PARTITION_KEY_BYTES, "partition key");
  requireLength(uuid, 16, "uuid");
  const raw = new Uint8Array(RAW_INVOCATION_ID_BYTES);
  raw.set(partitionKey, 0);
  raw.set(uuid, PARTITION_KEY_BYTES);
  return raw;
}

/** A ULID in its 16 raw bytes. */
export function newUlid(timeMs: number, random: Uint8Array): Uint8Array {
  const ulid = new Uint8Array(16);
  writeUlid(ulid, 0, timeMs, random);
  return ulid;
}

/** The id under which anyone may complete awakeable number `signalIndex` of an invocation. */
export function formatAwakeableId(invocationId: string, signalIndex: number): string {
  const invocation = parseInvocationId(invocationId);
  if (invocation === undefined) throw new TypeError(`Not an invocation id: ${invocationId}`);
  const raw = new Uint8Array(AWAKEABLE_RAW_BYTES);
  raw.set(invocation, 0);
  writeUint32(raw, RAW_INVOCATION_ID_BYTES, signalIndex);
  return AWAKEABLE_PREFIX + encodeBase64Url(raw);
}

/** What an awakeable id stands for, or undefined when the text is none. The padding of its base64 may be there, in full. */
export function parseAwakeableId(padded: string): AwakeableId | undefined {
  const text = padded.endsWith(AWAKEABLE_PADDING) ? padded.slice(0, -AWAKEABLE_PADDING.length) : padded;
  if (text.length !== AWAKEABLE_LENGTH || !text.startsWith(AWAKEABLE_PREFIX)) return undefined;
  const raw = decodeBase64Url(text.slice(AWAKEABLE_PREFIX.length));
  if (raw === undefined || raw.length !== AWAKEABLE_RAW_BYTES) return undefined;
  return {
    invocationId: formatInvocationId(raw.subarray(0, RAW_INVOCATION_ID_BYTES)),
    signalIndex: readUint32(raw, RAW_INVOCATION_ID_BYTES),
  };
}

/** Text of a deployment's ULID. */
export function formatDeploymentId(ulid: Uint8Array): string {
  requireLength(ulid, 16, "deployment id");
  writeBase62(ulid, 0, 16, deploymentText, 0, WIDTH_128);
  return DEPLOYMENT_PREFIX + decoder.decode(deploymentText);
}

/** The ULID of a deployment id, or undefined when the text is none. */
export function parseDeploymentId(text: string): Uint8Array | undefined {
  if (text.length !== DEPLOYMENT_LENGTH || !text.startsWith(DEPLOYMENT_PREFIX)) return undefined;
  const raw = new Uint8Array(16);
  return readBase62(text, DEPLOYMENT_PREFIX.length, WIDTH_128, raw, 0, 16) ? raw : undefined;
}

/** The partition key of everything that is addressed by `key`: XXH3 of the key's UTF-8 and a closing 0xff, big-endian. */
export function partitionKeyOf(key: string): Uint8Array {
  const room = key.length * 3 + 1;
  const buffer = room <= keyBuffer.length ? keyBuffer : new Uint8Array(room);
  const { written } = encoder.encodeInto(key, buffer);
  buffer[written] = 0xff;
  return xxh3(buffer.subarray(0, written + 1));
}

/**
 * The uuid of an invocation that is determined by what it is: the first 16 bytes of the SHA-256 over the parts, joined
 * by commas. Parts are `["wf", service, key]` for a workflow's run, and `["ik", service, key, handler, idempotencyKey]`
 * (without `key` for plain services) for an idempotent call.
 */
export function deterministicUuid(
  parts: readonly string[],
  sha256: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  return sha256(encoder.encode(parts.join(","))).slice(0, 16);
}

function writeUlid(bytes: Uint8Array, at: number, timeMs: number, random: Uint8Array): void {
  requireLength(random, 10, "random part of an id");
  const high = Math.floor(timeMs / 2 ** 16);
  writeUint32(bytes, at, high);
  bytes[at + 4] = timeMs / 2 ** 8;
  bytes[at + 5] = timeMs;
  bytes.set(random, at + 6);
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function readUint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`A raw ${what} has ${length} bytes, not ${bytes.length}`);
}
