/** Handlers in the engine's own process: message objects, no encoding, no socket. */
import type {
  EndpointManifest,
  EngineEnd,
  HandlerEndpoint,
  SdkEnd,
  Servable,
  StartMessage,
} from "@holdfast/protocol";

import { definitionsIn } from "../definition/definition.ts";
import { systemEnvironment, type Environment, type SessionOptions } from "../replay/environment.ts";
import { endpointManifest } from "./manifest.ts";
import { ProgramTable } from "./program-table.ts";

/**
 * An endpoint for an engine in the same process. An embedding server makes it by itself from the definitions it is
 * given; call it to set options, or to drive handlers in a test of your own.
 *
 * @param overrides For tests and simulators: another clock, other timers, another order of rounds.
 * @throws TypeError when something is no definition or a name is used twice, UsageError when an option is malformed.
 * @example const server = await Holdfast.open({ services: [deploy, cleanup] });
 */
export function inProcessEndpoint(
  definitions: readonly Servable[],
  options: SessionOptions = {},
  overrides: Partial<Environment> = {},
): HandlerEndpoint {
  const defined = definitionsIn(definitions);
  const programs = new ProgramTable(defined);
  const environment = systemEnvironment(options, overrides);
  const manifest: EndpointManifest = endpointManifest(defined, ["in-process"]);
  return {
    manifest,
    open: (start: StartMessage, engine: EngineEnd): SdkEnd => programs.open(start, engine, environment),
  };
}
