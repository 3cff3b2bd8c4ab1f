/**
 * The parts that an endpoint is composed of, for programs that compose them otherwise: over a simulated clock and network.
 * Not for users: names here change with the insides.
 */
export { definitionsIn } from "./definition/definition.ts";
export { endpointManifest } from "./endpoint/manifest.ts";
export { type BytePipe, NativeConnection } from "./endpoint/native-connection.ts";
export { ProgramTable } from "./endpoint/program-table.ts";
export { type Environment, systemEnvironment } from "./replay/environment.ts";
export { createTurns, systemDefer } from "./replay/turns.ts";
