/** The options of commands that start a server, and how they become its configuration. */
import { loadConfig, type LoadedConfig } from "@holdfast/server";

import type { OptionSpecs, ValuesOf } from "../command.ts";
import type { Environment } from "../environment.ts";
import { readPairs, readPort } from "../read-option.ts";

export const serverOptions = {
  data: { type: "string", value: "DIR", help: "data directory; made when it is not there" },
  "ingress-port": {
    type: "string",
    value: "PORT",
    help: "port for callers; default 8080; 0 takes a free one",
  },
  "admin-port": {
    type: "string",
    value: "PORT",
    help: "port for operators; default 9070; 0 takes a free one",
  },
  config: { type: "string", value: "FILE", help: "settings from a JSON file; default HOLDFAST_CONFIG" },
  set: {
    type: "string",
    value: "KEY=VALUE",
    multiple: true,
    help: "one setting; docs/configuration.md lists them",
  },
} as const satisfies OptionSpecs;

export type ServerValues = ValuesOf<typeof serverOptions>;

/** Arguments win over the environment, which wins over the file. */
export function configOf(
  options: ServerValues,
  environment: Environment,
  defaults: { readonly data?: string } = {},
): LoadedConfig {
  const file = options.config ?? environment.variables["HOLDFAST_CONFIG"];
  return loadConfig({
    ...(file === undefined || file === "" ? {} : { file }),
    environment: environment.variables,
    arguments: {
      data: options.data ?? defaults.data,
      "ingress.port": readPort(options["ingress-port"], "--ingress-port"),
      "admin.port": readPort(options["admin-port"], "--admin-port"),
      ...readPairs(options.set, "--set"),
    },
  });
}
