/**
 * The commands of an attempt, in order: first those that earlier attempts recorded, each compared with what the code issues
 * now, then new ones, which are sent.
 */
import type { Command, ErrorMessage, InputCommand, StartMessage } from "@holdfast/protocol";

import { mismatchError } from "./attempt-error.ts";
import { callSite, type CallSites, type Entry } from "./call-site.ts";
import type { Environment } from "./environment.ts";
import { inputHash } from "./input-hash.ts";
import type { Mismatch } from "./mismatch.ts";
import { RecordedCommands, replayDifference } from "./recorded-commands.ts";

export type IssuedCommand = Exclude<Command, InputCommand>;

export interface CommandStreamHost {
  readonly start: StartMessage;
  readonly environment: Environment;
  readonly callSites: CallSites;
  send(command: IssuedCommand): void;
  /** Ends the attempt. */
  fail(error: ErrorMessage): void;
  /** What the handler waits for, in words. Empty when it waits for nothing that a journal could hold. */
  describeAwaited(): string;
}

export class CommandStream {
  readonly #host: CommandStreamHost;
  readonly #recorded = new RecordedCommands();
  /** Position of the last command issued; the input is 0. */
  #index = 0;
  #stopGrace: (() => void) | undefined = undefined;

  constructor(host: CommandStreamHost) {
    this.#host = host;
  }

  /** Adds one of the journal. */
  load(command: Command): void {
    this.#recorded.add(command);
  }

  /** How many of those recorded the code has not issued again. */
  get remaining(): number {
    return this.#recorded.remaining;
  }

  /** Position that the next command takes. */
  get nextIndex(): number {
    return this.#index + 1;
  }

  /** The next recorded command. */
  peek(): Command | undefined {
    return this.#recorded.peek();
  }

  /** Returns the recorded command, the given one when it is new, and `undefined` after a mismatch. */
  issue(command: IssuedCommand, entry: Entry | undefined): Command | undefined {
    const recorded = this.#recorded.take();
    const { environment, callSites } = this.#host;
    if (recorded === undefined) {
      this.#index += 1;
      if (environment.callSites && entry !== undefined) addCallSite(command, callSites, entry);
      addInputHash(command);
      this.#host.send(command);
      return command;
    }
    const payloadsVary = environment.codec.isRandomized === true;
    const difference = replayDifference(recorded, command, { payloadsVary });
    if (difference !== undefined) {
      this.#mismatch(recorded, { command, difference }, entry === undefined ? undefined : callSite(entry));
      return undefined;
    }
    this.#index += 1;
    return recorded;
  }

  /**
   * The code has been given everything it had when it issued the recorded commands. True when it has issued them all. If
   * not, it gets a moment in case it awaits something of its own, and is called a mismatch after that.
   */
  checkComplete(): boolean {
    if (this.#recorded.remaining === 0) {
      this.close();
      return true;
    }
    const { timers, replayGraceMs } = this.#host.environment;
    this.#stopGrace ??= timers.set(replayGraceMs, () => this.#miss());
    return false;
  }

  close(): void {
    this.#stopGrace?.();
    this.#stopGrace = undefined;
  }

  #miss(): void {
    this.#stopGrace = undefined;
    const recorded = this.#recorded.peek();
    if (recorded === undefined) return;
    const waitsFor = this.#host.describeAwaited();
    if (waitsFor === "") this.checkComplete();
    else this.#mismatch(recorded, { waitsFor }, undefined);
  }

  #mismatch(recorded: Command, now: Mismatch["now"], place: string | undefined): void {
    const { start } = this.#host;
    const later = this.#recorded.rest();
    this.#host.fail(
      mismatchError({ start, commandIndex: this.nextIndex, recorded, later, now, callSite: place }),
    );
  }
}

function addCallSite(command: Command, callSites: CallSites, entry: Entry): void {
  const name = siteName(command);
  const place = name === undefined ? callSite(entry) : callSites.of(command.type, name, entry);
  if (place !== undefined && place !== "") (command as { callSite?: string }).callSite = place;
}

function addInputHash(command: Command): void {
  const hash = inputHash(command);
  if (hash !== undefined) (command as { inputHash?: number }).inputHash = hash;
}

/** What tells a command from others of its kind in the same handler; `undefined` when nothing does. */
function siteName(command: Command): string | undefined {
  if (command.name !== undefined) return command.name;
  if ("handler" in command) return `${command.service}/${command.handler}`;
  return "key" in command ? command.key : undefined;
}
