/** One function per command of the journal. A dispatcher and nothing else. */
import { MessageType, type Message } from "@holdfast/protocol";

import type { Refusal } from "../partition/fold.ts";
import { attachInvocation, getInvocationOutput } from "./attach.ts";
import { callHandler, sendToHandler } from "./call.ts";
import { completePromise, getPromise, peekPromiseCommand } from "./promise.ts";
import { rescheduleCommand } from "./reschedule.ts";
import type { CommandScope } from "./scope.ts";
import { completeAwakeable, sendSignalCommand } from "./signal.ts";
import {
  clearAllState,
  clearState,
  getLazyState,
  getLazyStateKeys,
  readEagerState,
  setState,
} from "./state.ts";
import { run, sleep, output } from "./steps.ts";

/**
 * Applies a command. It calls `record` once it knows that the command can be applied and before anything else is appended,
 * so that a command's entry always precedes its completion; a refused command leaves no trace.
 */
export function applyCommand(scope: CommandScope, message: Message, record: () => void): Refusal | undefined {
  switch (message.type) {
    case MessageType.Output:
      return output(scope, message, record);
    case MessageType.Run:
      return run(scope, message, record);
    case MessageType.Sleep:
      return sleep(scope, message, record);
    case MessageType.SetState:
      return setState(scope, message, record);
    case MessageType.ClearState:
      return clearState(scope, message, record);
    case MessageType.ClearAllState:
      return clearAllState(scope, message, record);
    case MessageType.GetLazyState:
      return getLazyState(scope, message, record);
    case MessageType.GetLazyStateKeys:
      return getLazyStateKeys(scope, message, record);
    case MessageType.GetEagerState:
    case MessageType.GetEagerStateKeys:
      return readEagerState(scope, record);
    case MessageType.Call:
      return callHandler(scope, message, record);
    case MessageType.OneWayCall:
      return sendToHandler(scope, message, record);
    case MessageType.GetPromise:
      return getPromise(scope, message, record);
    case MessageType.PeekPromise:
      return peekPromiseCommand(scope, message, record);
    case MessageType.CompletePromise:
      return completePromise(scope, message, record);
    case MessageType.SendSignal:
      return sendSignalCommand(scope, message, record);
    case MessageType.CompleteAwakeable:
      return completeAwakeable(scope, message, record);
    case MessageType.AttachInvocation:
      return attachInvocation(scope, message, record);
    case MessageType.GetInvocationOutput:
      return getInvocationOutput(scope, message, record);
    case MessageType.Reschedule:
      return rescheduleCommand(scope, message, record);
    default:
      return {
        code: "protocol-violation",
        message: `A handler cannot send message type 0x${message.type.toString(16)}`,
      };
  }
}
