/** The commands that earlier attempts recorded, taken one by one as the code issues them again. */
import { commandDifference, MessageType, type Command, type CommandDifference } from "@holdfast/protocol";

export class RecordedCommands {
  /** Those that were taken are let go of. */
  readonly #commands: Array<Command | undefined> = [];
  #next = 0;

  add(command: Command): void {
    this.#commands.push(command);
  }

  get remaining(): number {
    return this.#commands.length - this.#next;
  }

  /** The next one, without taking it. */
  peek(): Command | undefined {
    return this.#commands[this.#next];
  }

  /** All that have not been taken. */
  rest(): readonly Command[] {
    return this.#commands.slice(this.#next).filter((command) => command !== undefined);
  }

  /** Takes the next one. `undefined` when none is left. */
  take(): Command | undefined {
    const command = this.#commands[this.#next];
    if (command === undefined) return undefined;
    this.#commands[this.#next] = undefined;
    this.#next += 1;
    return command;
  }
}

/** In what the code's command differs from the recorded one, where that matters for a replay. */
export function replayDifference(
  recorded: Command,
  now: Command,
  options: { readonly payloadsVary: boolean },
): CommandDifference | undefined {
  if (recorded.type !== now.type) return commandDifference(recorded, now);
  // The stack of a failure is for people, and on a replay it is another one.
  if (recorded.type === MessageType.Output && now.type === MessageType.Output)
    return outputDifference(recorded, now, options);
  return commandDifference(recorded, options.payloadsVary ? withPayloadOf(recorded, now) : now);
}

type Output = Extract<Command, { readonly type: typeof MessageType.Output }>;

function outputDifference(
  recorded: Output,
  now: Output,
  options: { readonly payloadsVary: boolean },
): CommandDifference | undefined {
  const { result } = recorded;
  if (result.kind === "failure" && now.result.kind === "failure") {
    const { metadata: _, ...failure } = now.result.failure;
    const bare = { ...now, result: { kind: "failure", failure } } as const;
    return commandDifference(
      {
        ...recorded,
        result: { kind: "failure", failure: { code: result.failure.code, message: result.failure.message } },
      },
      bare,
    );
  }
  return commandDifference(recorded, options.payloadsVary ? { ...now, result } : now);
}

/** For codecs that never give the same bytes twice. */
function withPayloadOf(recorded: Command, now: Command): Command {
  if (recorded.type === MessageType.SetState && now.type === MessageType.SetState)
    return { ...now, value: recorded.value };
  if (recorded.type === MessageType.Call && now.type === MessageType.Call) {
    return { ...now, parameter: recorded.parameter };
  }
  if (recorded.type === MessageType.OneWayCall && now.type === MessageType.OneWayCall) {
    return { ...now, parameter: recorded.parameter };
  }
  if (
    "result" in recorded &&
    "result" in now &&
    recorded.result.kind === "value" &&
    now.result.kind === "value"
  ) {
    return { ...now, result: recorded.result } as Command;
  }
  return now;
}
