/**
 * Tells whether a command is given the same input as another time, without keeping the input at hand: for people, and for
 * checks whether invocations under way would survive a new version of their code. It decides nothing in the engine.
 */
import { MessageType, type Command } from "@holdfast/protocol";

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** FNV-1a over the bytes, 32 bits. */
function hash32(bytes: Uint8Array): number {
  let hash = OFFSET_BASIS;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, PRIME);
  return hash >>> 0;
}

/** Hash of what the user passed to a command; `undefined` for commands that are given nothing. */
export function inputHash(command: Command): number | undefined {
  switch (command.type) {
    case MessageType.Call:
    case MessageType.OneWayCall:
      return hash32(command.parameter);
    case MessageType.SetState:
      return hash32(command.value);
    case MessageType.CompletePromise:
    case MessageType.CompleteAwakeable:
    case MessageType.SendSignal:
      return command.result.kind === "value" ? hash32(command.result.value) : undefined;
    default:
      return undefined;
  }
}
