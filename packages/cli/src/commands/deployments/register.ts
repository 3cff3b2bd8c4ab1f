import type { RegisterDeploymentResponse } from "@holdfast/protocol";

import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { changeRows } from "../../deployment-view.ts";
import type { Output } from "../../output/output.ts";
import { shownLine } from "../../output/shown-text.ts";
import { readHeaders, readPairs } from "../../read-option.ts";

export const register: Command = defineCommand({
  description:
    "Asks the address what it serves. New invocations of these services go there; those that run stay where they are. The " +
    "same address again changes nothing, so a start script may register each time.",
  args: [{ name: "url", help: "where the SDK's serve() listens, such as http://localhost:9080" }],
  options: {
    force: { type: "boolean", short: "f", help: "replace what is known under this address" },
    breaking: { type: "boolean", help: "accept that handlers disappear or a service changes its kind" },
    "dry-run": { type: "boolean", help: "show what would change, and change nothing" },
    header: {
      type: "string",
      value: "NAME:VALUE",
      multiple: true,
      help: "send this header with every request to it",
    },
    metadata: {
      type: "string",
      value: "NAME=VALUE",
      multiple: true,
      help: "remember this with the deployment",
    },
    ...connectionOptions,
  },
  examples: [
    { line: "holdfast deployments register http://localhost:9080", help: "a service on this machine" },
    { line: "holdfast deployments register http://shop-v43:9080 --dry-run", help: "what would change?" },
    {
      line: "holdfast deployments register https://shop-v43.internal --metadata commit=4f2a9c1",
      help: "each version at an address of its own",
    },
  ],
  async run({ args, options, out, environment }) {
    const headers = readHeaders(options.header);
    const metadata = readPairs(options.metadata, "--metadata");
    const response = await connectTo(options, environment).admin.deployments.register({
      url: args[0] ?? "",
      ...(options.force ? { force: true } : {}),
      ...(options.breaking ? { breaking: true } : {}),
      ...(options["dry-run"] ? { dryRun: true } : {}),
      ...(options.header.length > 0 ? { additionalHeaders: headers } : {}),
      ...(options.metadata.length > 0 ? { metadata } : {}),
    });
    out.result(response, () => show(response, args[0] ?? "", out));
  },
});

function show(
  { deployment, created, dryRun, changes }: RegisterDeploymentResponse,
  url: string,
  out: Output,
): void {
  const what = dryRun ? "Would register" : created ? "Registered" : "Known already";
  const id = deployment === undefined ? "" : ` as ${deployment.id}`;
  out.print(`${what}: ${shownLine(url)}${id}`);
  out.table([{ title: "CHANGE" }, { title: "SERVICE" }, { title: "" }, { title: "" }], changeRows(changes));
}
