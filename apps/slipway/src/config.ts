import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export type Command =
  /** Start, and have the application of the directory deployed; without one the sample. */
  | { readonly kind: "start"; readonly directory: string | undefined; readonly once: boolean }
  /** The others ask the Slipway that runs. */
  | { readonly kind: "deploy"; readonly directory: string }
  | { readonly kind: "roll back"; readonly app: string | undefined }
  | { readonly kind: "status" }
  | { readonly kind: "help" };

export interface Config {
  readonly command: Command;
  readonly dataDirectory: string;
  readonly sampleDirectory: string;
  readonly edgePort: number;
  readonly controlPort: number;
  readonly healthTimeoutMs: number;
  /** npm as a command line. */
  readonly npm: string;
  /** Ours; what children get of it, `childEnvironment` decides. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const USAGE = `npm start                       start Slipway, and deploy the sample unless it is live already
npm start -- path/to/app        start Slipway and deploy an application of yours

While it runs, from another terminal:
  npm start -- deploy path/to/app   deploy again, or deploy another application
  npm start -- rollback [app]       lead the host name back to the previous deployment
  npm start -- status               what runs where

Options:
  --once                stop when the deployment is live and has answered through the edge
  --data DIR            where everything is kept (SLIPWAY_DATA; default .slipway in the repository)
  --edge-port N         for visitors (SLIPWAY_EDGE_PORT; default 8000, 0 for any)
  --control-port N      for commands (SLIPWAY_CONTROL_PORT; default 7070, 0 for any)
  --health-timeout S    seconds an instance may take to become healthy (SLIPWAY_HEALTH_TIMEOUT; default 60)
`;

const DEFAULT_DATA = fileURLToPath(new URL("../../../.slipway", import.meta.url));
const SAMPLE = fileURLToPath(new URL("../sample-app", import.meta.url));
const PORT_MAX = 65_535;
const HEALTH_TIMEOUT_S_MAX = 3_600;

type Environment = Readonly<Record<string, string | undefined>>;

/** What the command line and the environment ask for. Throws `UsageError` that says what is wrong with them. */
export function readConfig(args: readonly string[], environment: Environment, cwd: string): Config {
  const { values, positionals } = parse(args);
  // npm runs scripts in the repository's root and tells here where its user is.
  const from = environment["INIT_CWD"] ?? cwd;
  const data = values.data ?? environment["SLIPWAY_DATA"];
  return {
    command: values.help === true ? { kind: "help" } : commandOf(positionals, values.once ?? false, from),
    dataDirectory: data === undefined ? DEFAULT_DATA : resolve(from, data),
    sampleDirectory: SAMPLE,
    edgePort: integer(
      values["edge-port"] ?? environment["SLIPWAY_EDGE_PORT"],
      "--edge-port",
      8_000,
      PORT_MAX,
    ),
    controlPort: integer(
      values["control-port"] ?? environment["SLIPWAY_CONTROL_PORT"],
      "--control-port",
      7_070,
      PORT_MAX,
    ),
    healthTimeoutMs:
      1_000 *
      integer(
        values["health-timeout"] ?? environment["SLIPWAY_HEALTH_TIMEOUT"],
        "--health-timeout",
        60,
        HEALTH_TIMEOUT_S_MAX,
      ),
    npm: npmCommand(environment),
    environment,
  };
}

/** What another command line has to end with to mean the same data directory. */
export function commandFlags({ dataDirectory }: Pick<Config, "dataDirectory">): string {
  return dataDirectory === DEFAULT_DATA ? "" : ` --data ${JSON.stringify(dataDirectory)}`;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        once: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        data: { type: "string" },
        "edge-port": { type: "string" },
        "control-port": { type: "string" },
        "health-timeout": { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function commandOf(positionals: readonly string[], once: boolean, from: string): Command {
  const [first, second, ...more] = positionals;
  const tooMany = (): UsageError => new UsageError(`There is something left over: "${more[0] ?? second}".`);
  if (more.length > 0) throw tooMany();
  switch (first) {
    case "help":
      return { kind: "help" };
    case "status":
      if (second !== undefined) throw tooMany();
      return { kind: "status" };
    case "rollback":
      return { kind: "roll back", app: second };
    case "deploy":
      if (second === undefined) throw new UsageError("Which directory is to be deployed? deploy path/to/app");
      return { kind: "deploy", directory: resolve(from, second) };
    default:
      if (second !== undefined) throw tooMany();
      return { kind: "start", directory: first === undefined ? undefined : resolve(from, first), once };
  }
}

function integer(text: string | undefined, name: string, standard: number, max: number): number {
  if (text === undefined || text === "") return standard;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new UsageError(`${name} is "${text}"; it has to be a whole number from 0 to ${max}.`);
}

/** The npm that started us, else the one on the path. */
function npmCommand(environment: Environment): string {
  const script = environment["npm_execpath"];
  const isNpm = script !== undefined && /npm-cli\.c?js$/.test(script) && existsSync(script);
  return isNpm ? `"${process.execPath}" "${script}"` : "npm";
}
