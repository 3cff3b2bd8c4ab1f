/** The values of one session in their stored form, each with the place that it lies at. */
import type { NotificationResult, StartMessage } from "@holdfast/protocol";

import { MessageTooLargeError, PauseError } from "../errors.ts";
import { AttemptOver } from "./attempt-over.ts";
import type { Environment, ValuePlace } from "./environment.ts";
import { errorOf } from "./failure.ts";
import type { Reader } from "./operation.ts";

export interface StoredValuesHost {
  readonly start: StartMessage;
  readonly environment: Environment;
  /** Ends the attempt. */
  failWith(error: unknown): void;
}

export class StoredValues {
  readonly #host: StoredValuesHost;

  constructor(host: StoredValuesHost) {
    this.#host = host;
  }

  /** Throws UnstorableValueError or MessageTooLargeError, whose messages begin with `root`. */
  encode(value: unknown, root: string, place: ValuePlace): Uint8Array {
    const { codec, messageBytesMax } = this.#host.environment;
    const bytes = codec.encode(value, root, place);
    if (bytes.length <= messageBytesMax) return bytes;
    throw new MessageTooLargeError(
      `${root} has ${bytes.length} bytes, more than the ${messageBytesMax} that one message may hold. ` +
        "Keep large data in a store made for it, and record where it is.",
    );
  }

  /**
   * What the bytes stand for. Where the codec says that nobody can read them now (a key is missing), this ends the attempt
   * and throws AttemptOver: a handler that catches errors must not take it for the failure of a step.
   */
  decode(bytes: Uint8Array, place: ValuePlace): unknown {
    try {
      return this.#host.environment.codec.decode(bytes, place);
    } catch (error) {
      if (!(error instanceof PauseError)) throw error;
      this.#host.failWith(error);
      throw new AttemptOver();
    }
  }

  /** Reads results that carry a value of the user's at this place. */
  reader(place: ValuePlace): Reader<unknown> {
    return (result) =>
      result.kind === "value" ? this.decode(result.value, place) : readWithoutValue(result);
  }

  step(completionId: number): ValuePlace {
    return { kind: "step", journal: this.#host.start.randomSeed.toString(16), completionId };
  }

  output(): ValuePlace {
    const { invocationId, service, handler, key } = this.#host.start;
    return { kind: "output", invocationId, service, handler, key };
  }

  state(name: string): ValuePlace {
    const { service, key } = this.#host.start;
    return { kind: "state", service, key, name };
  }

  promise(name: string): ValuePlace {
    const { service, key } = this.#host.start;
    return { kind: "promise", service, key, name };
  }
}

/** Reads what the engine answers of its own. */
export const readWithoutValue: Reader<unknown> = (result: NotificationResult) => {
  switch (result.kind) {
    case "failure":
      throw errorOf(result.failure);
    case "invocation-id":
      return result.id;
    case "state-keys":
      return result.keys;
    case "value":
    case "void":
      return undefined;
  }
};
