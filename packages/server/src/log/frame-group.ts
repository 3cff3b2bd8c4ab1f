import { FRAME_HEADER_BYTES, frameBytes } from "./frame.ts";
import type { LogBatch } from "./log.ts";

/**
 * Consecutive batches laid out as they will lie in the file, with room for the headers: what crosses to the writer's thread.
 * Copying the payloads into `bytes` is the only copy made of them; the writer completes the frames in place.
 */
export type FrameGroup = {
  readonly firstPosition: number;
  readonly payloadBytes: readonly number[];
  /** Possibly longer than the frames. Belongs to the group until its request is answered. */
  readonly bytes: Uint8Array;
};

export function groupBytes(payloadBytes: readonly number[]): number {
  let total = 0;
  for (const bytes of payloadBytes) total += frameBytes(bytes);
  return total;
}

/** `reuse` is taken when it is large enough. */
export function packGroup(batches: readonly LogBatch[], reuse?: Uint8Array): FrameGroup {
  const [first] = batches;
  if (first === undefined) throw new Error("Cannot write a group without batches");
  const payloadBytes = batches.map((batch) => batch.payload.length);
  const total = groupBytes(payloadBytes);
  const bytes = reuse !== undefined && reuse.length >= total ? reuse : new Uint8Array(total);

  let offset = 0;
  for (const batch of batches) {
    const next = offset + frameBytes(batch.payload.length);
    const start = offset + FRAME_HEADER_BYTES;
    bytes.set(batch.payload, start);
    bytes.fill(0, start + batch.payload.length, next);
    offset = next;
  }
  return { firstPosition: first.position, payloadBytes, bytes };
}

/** Several groups that waited for the same sync become one, so that they are one write. */
export function mergeGroups(groups: readonly FrameGroup[]): FrameGroup {
  const [first] = groups;
  if (first === undefined) throw new Error("Cannot merge no groups");
  if (groups.length === 1) return first;

  const payloadBytes = groups.flatMap((group) => group.payloadBytes);
  const bytes = new Uint8Array(groupBytes(payloadBytes));
  let offset = 0;
  for (const group of groups) {
    const length = groupBytes(group.payloadBytes);
    bytes.set(group.bytes.subarray(0, length), offset);
    offset += length;
  }
  return { firstPosition: first.firstPosition, payloadBytes, bytes };
}
