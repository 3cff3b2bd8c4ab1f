/** Joins a definition and the replay: what a session runs. */
import type { InputCommand } from "@holdfast/protocol";

import { HandlerContext } from "../context/handler-context.ts";
import type { DefinedHandler } from "../definition/definition.ts";
import { PauseError, TerminalError } from "../errors.ts";
import { CallSites } from "../replay/call-site.ts";
import type { Program, Session } from "../replay/session.ts";
import { describeIssues, validate } from "../replay/validate.ts";
import type { StandardResult } from "../standard-schema.ts";

export function programOf(handler: DefinedHandler): Program {
  return {
    callSites: new CallSites(),
    output: handler.output,
    invoke(session, input): unknown {
      const value = decodeInput(session, input);
      if (handler.input === undefined) return call(session, handler, input, value);
      const checked = validate(handler.input, value);
      if (!(checked instanceof Promise)) return call(session, handler, input, accept(handler, checked));
      return checked.then((result) => call(session, handler, input, accept(handler, result)));
    },
  };
}

function call(session: Session, handler: DefinedHandler, input: InputCommand, value: unknown): unknown {
  const context = new HandlerContext(session, handler, input);
  try {
    return handler.run(context as never, value as never);
  } finally {
    session.handlerStarted();
  }
}

function decodeInput(session: Session, input: InputCommand): unknown {
  try {
    const { service, handler, key } = session.start;
    return session.environment.codec.decode(input.value, { kind: "input", service, handler, key });
  } catch (cause) {
    // Nobody can read it now. That is no mistake of the caller's, and not for ever.
    if (cause instanceof PauseError) throw cause;
    throw inputError("the input is no value that this handler can read", cause);
  }
}

function accept(handler: DefinedHandler, checked: StandardResult<unknown>): unknown {
  if (checked.issues === undefined) return checked.value;
  throw inputError(
    `the input does not fit ${handler.service}/${handler.name}: ${describeIssues(checked.issues)}`,
    undefined,
    {
      issues: checked.issues.map(({ message, path }) => ({
        message,
        path: (path ?? []).map((part) => String(typeof part === "object" ? part.key : part)),
      })),
    },
  );
}

function inputError(message: string, cause: unknown, data?: object): TerminalError {
  return new TerminalError(message, { status: 400, code: "input-invalid", cause, data });
}
