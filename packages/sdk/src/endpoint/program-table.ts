/** Finds what an attempt is to run. */
import type { EngineEnd, SdkEnd, StartMessage } from "@holdfast/protocol";

import type { DefinedHandler, Definition } from "../definition/definition.ts";
import { CallSites } from "../replay/call-site.ts";
import type { Environment } from "../replay/environment.ts";
import { guardRejections } from "../replay/rejection-guard.ts";
import { Session, type Program } from "../replay/session.ts";
import { programOf } from "./program.ts";

export class ProgramTable {
  readonly #programs = new Map<string, Map<string, Program>>();

  constructor(definitions: readonly Definition[]) {
    guardRejections();
    for (const { name, handlers } of definitions) {
      const programs = [...handlers.values()].map(
        (handler: DefinedHandler) => [handler.name, programOf(handler)] as const,
      );
      this.#programs.set(name, new Map(programs));
    }
  }

  /** A session for the attempt. When there is no such handler, the attempt ends with an error that says so. */
  open(start: StartMessage, engine: EngineEnd, environment: Environment): SdkEnd {
    const program = this.#programs.get(start.service)?.get(start.handler) ?? absent(start);
    return new Session(start, engine, environment, program);
  }
}

function absent({ service, handler }: StartMessage): Program {
  return {
    callSites: new CallSites(),
    output: undefined,
    invoke(): never {
      throw new Error(
        `this endpoint serves no handler "${service}/${handler}". Was the deployment replaced at its address?`,
      );
    },
  };
}
