import type { DeploymentInfo } from "@holdfast/protocol";

import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import { statusCell } from "../../deployment-view.ts";
import type { Cell } from "../../output/table.ts";
import { relativeTime } from "../../output/time.ts";

export const list: Command = defineCommand({
  args: [],
  options: connectionOptions,
  examples: [
    { line: "holdfast deployments list", help: "all of them" },
    {
      line: `holdfast deployments list --json | jq -r '.[] | select(.status == "drained") | .id'`,
      help: "those that can go",
    },
  ],
  async run({ options, out, environment }) {
    const deployments = await connectTo(options, environment).admin.deployments.list();
    out.result(deployments, () => {
      if (deployments.length === 0) {
        out.note("There is no deployment. Register one: holdfast deployments register http://localhost:9080");
        return;
      }
      out.table(
        [
          { title: "ID" },
          { title: "STATUS" },
          { title: "ACTIVE", align: "right" },
          { title: "CREATED" },
          { title: "URL", shrinks: true },
          { title: "SERVICES", shrinks: true },
        ],
        deployments.map((deployment) => rowOf(deployment, out.now)),
      );
    });
  },
});

function rowOf(deployment: DeploymentInfo, now: number): readonly Cell[] {
  const { id, url, activeInvocations, createdAt, services } = deployment;
  return [
    id,
    statusCell(deployment),
    String(activeInvocations),
    relativeTime(createdAt, now) ?? "",
    url ?? "(in the server)",
    services.map(({ name, revision }) => `${name} r${revision}`).join(", "),
  ];
}
