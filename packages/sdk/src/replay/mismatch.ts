/** What a person reads when the code no longer does what the journal says it did. */
import {
  MessageType,
  messageTypeName,
  type Command,
  type CommandDifference,
  type StartMessage,
} from "@holdfast/protocol";

/** Error code of an attempt that ended so. */
export const JOURNAL_MISMATCH = 570;

export interface Mismatch {
  readonly start: StartMessage;
  /** Position among the commands; the input is 0. */
  readonly commandIndex: number;
  readonly recorded: Command;
  /** The recorded commands behind it. */
  readonly later: readonly Command[];
  /** What the code does now. */
  readonly now:
    | { readonly command: Command; readonly difference: CommandDifference | undefined }
    | { readonly waitsFor: string };
  /** Place in the code, when it could be told. */
  readonly callSite: string | undefined;
}

/** E.g. `run "migrate" (deploy.ts:14:9)`. */
export function describeCommand(command: Command, callSite: string | undefined = command.callSite): string {
  const place = callSite === undefined ? "" : ` (${callSite})`;
  return `${verb(command)}${subject(command)}${place}`;
}

export function describeMismatch(mismatch: Mismatch): string {
  const { start, commandIndex, recorded, now } = mismatch;
  const doesNow =
    "command" in now
      ? describeCommand(now.command, mismatch.callSite)
      : `wait for ${now.waitsFor}${mismatch.callSite === undefined ? "" : ` (${mismatch.callSite})`} without it`;
  const lines = [
    `The code of ${start.service}/${start.handler} no longer matches the journal of ${start.invocationId}, at command ${commandIndex}.`,
    `  recorded: ${describeCommand(recorded)}`,
    `  now:      ${doesNow}`,
  ];
  const difference = "command" in now ? now.difference : undefined;
  if (difference !== undefined && difference.field !== "type" && difference.field !== "name") {
    lines.push(
      `  they differ in ${difference.field}: ${difference.recorded} was recorded, ${difference.now} is issued now`,
    );
  }
  lines.push(
    `  recorded on deployment ${start.recordedOn === "" ? start.deployment : start.recordedOn}, running on ${start.deployment}`,
  );
  lines.push(`Likely cause: ${likelyCause(mismatch)}`);
  lines.push(...waysOut(start));
  return lines.join("\n");
}

function likelyCause({ start, recorded, later, now }: Mismatch): string {
  const sameCode = start.recordedOn === "" || start.recordedOn === start.deployment;
  const chance =
    "the handler decides by something that is not recorded: a clock, a random number, the environment or a global variable.";
  if (!("command" in now))
    return sameCode ? chance : `${describeCommand(recorded)} was removed, or moved behind the wait.`;
  const { command } = now;
  if (later.some((other) => isSameStep(other, command))) {
    return sameCode
      ? chance
      : `${describeCommand(recorded)} was removed, or moved behind ${verb(command)}${subject(command)}.`;
  }
  if (recorded.type === command.type && recorded.name !== command.name) {
    return sameCode ? chance : `${verb(recorded)}${subject(recorded)} was renamed or replaced.`;
  }
  if (recorded.type === command.type)
    return sameCode ? chance : "what is passed to it is computed differently now.";
  return sameCode
    ? chance
    : `${verb(command)}${subject(command)} was inserted before ${verb(recorded)}${subject(recorded)}.`;
}

function waysOut({ invocationId, recordedOn, deployment }: StartMessage): readonly string[] {
  const old = recordedOn === "" || recordedOn === deployment ? "<deployment>" : recordedOn;
  return [
    "Ways out:",
    `  1. finish it on the code that recorded it: holdfast invocations resume ${invocationId} --deployment ${old}`,
    "  2. make the code issue the recorded command again at this place, deploy that, and resume the invocation on it",
    `  3. begin anew with the same input: holdfast invocations restart ${invocationId}, and kill this one`,
  ];
}

function isSameStep(a: Command, b: Command): boolean {
  return a.type === b.type && a.name === b.name && subject(a) === subject(b);
}

const VERBS: ReadonlyMap<number, string> = new Map<number, string>([
  [MessageType.Run, "run"],
  [MessageType.Sleep, "sleep"],
  [MessageType.Call, "call"],
  [MessageType.OneWayCall, "send"],
  [MessageType.GetPromise, "promise"],
  [MessageType.PeekPromise, "promise.peek"],
  [MessageType.CompletePromise, "promise.resolve"],
  [MessageType.GetEagerState, "state.get"],
  [MessageType.GetLazyState, "state.get"],
  [MessageType.GetEagerStateKeys, "state.keys"],
  [MessageType.GetLazyStateKeys, "state.keys"],
  [MessageType.SetState, "state.set"],
  [MessageType.ClearState, "state.clear"],
  [MessageType.ClearAllState, "state.clearAll"],
  [MessageType.SendSignal, "sendSignal"],
  [MessageType.AttachInvocation, "attach"],
  [MessageType.GetInvocationOutput, "output"],
  [MessageType.CompleteAwakeable, "resolveAwakeable"],
  [MessageType.Reschedule, "reschedule"],
  [MessageType.Output, "return"],
]);

function verb(command: Command): string {
  return VERBS.get(command.type) ?? messageTypeName(command.type);
}

function subject(command: Command): string {
  switch (command.type) {
    case MessageType.Call:
    case MessageType.OneWayCall:
      return command.key === ""
        ? ` ${command.service}/${command.handler}`
        : ` ${command.service}/${command.key}/${command.handler}`;
    case MessageType.GetPromise:
    case MessageType.PeekPromise:
    case MessageType.CompletePromise:
    case MessageType.GetEagerState:
    case MessageType.GetLazyState:
    case MessageType.SetState:
    case MessageType.ClearState:
      return ` ${JSON.stringify(command.key)}`;
    case MessageType.SendSignal:
      return ` ${command.signalName ?? (command.index === 1 ? "cancel" : String(command.index))} to ${command.target}`;
    case MessageType.CompleteAwakeable:
      return ` ${command.awakeableId}`;
    default:
      return command.name === undefined ? "" : ` ${JSON.stringify(command.name)}`;
  }
}
