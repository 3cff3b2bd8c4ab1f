import type { VersionInfo } from "@holdfast/protocol";

import { connectionOptions, defineCommand, type Command, type ConnectionValues } from "../command.ts";
import type { Environment } from "../environment.ts";
import { programVersion } from "../program-version.ts";

export const version: Command = defineCommand({
  args: [],
  options: {
    ...connectionOptions,
    server: { type: "boolean", help: "ask the server for its version as well" },
  },
  examples: [
    { line: "holdfast version", help: "this program" },
    { line: "holdfast version --server --json", help: "this program and the server, for scripts" },
  ],
  async run({ options, out, environment }) {
    const own = {
      version: programVersion,
      runtime: `node/${process.versions.node}`,
      platform: `${process.platform}-${process.arch}`,
    };
    const server = options.server ? await serverVersion(options, environment) : undefined;
    out.result(server === undefined ? own : { ...own, server }, () => {
      out.print(`holdfast ${own.version} (${own.runtime}, ${own.platform})`);
      if (server === undefined) return;
      out.print(`server   ${server.version} (${server.runtime})`);
      if (server.identityKey !== undefined) out.print(`signs as ${server.identityKey}`);
      if (server.restateIdentityKey !== undefined)
        out.print(`         ${server.restateIdentityKey} for Restate's SDKs`);
    });
  },
});

async function serverVersion(options: ConnectionValues, environment: Environment): Promise<VersionInfo> {
  const { connectTo } = await import("../connect-to.ts");
  return connectTo(options, environment).admin.version();
}
