import type { HealthInfo } from "@holdfast/protocol";

import { connectionOptions, defineCommand, type Command } from "../command.ts";
import { connectTo } from "../connect-to.ts";
import { ExitCode } from "../exit-code.ts";
import { shownBytes } from "../output/bytes.ts";
import type { Output } from "../output/output.ts";
import { fullTime } from "../output/time.ts";

export const health: Command = defineCommand({
  description: "Exit code 1 when something is not as it should be, so that it can serve as a check.",
  args: [],
  options: {
    counts: { type: "boolean", help: "count invocations by status; takes time when there are very many" },
    ...connectionOptions,
  },
  examples: [
    { line: "holdfast health", help: "is it well?" },
    { line: "holdfast health --counts --json | jq .invocations", help: "how many are in which status" },
  ],
  async run({ options, out, environment }) {
    const { admin } = connectTo(options, environment);
    const info = await admin.health(options.counts ? { counts: true } : {});
    out.result(info, () => show(info, out));
    return info.status === "ok" ? ExitCode.ok : ExitCode.failed;
  },
});

function show(info: HealthInfo, out: Output): void {
  const { status, startedAt, runningAttempts, deployments, memory, disk, invocations, partitions } = info;
  out.fields([
    ["Status", { text: status, style: status === "ok" ? "green" : "red" }],
    ["Started", fullTime(startedAt, out.now)],
    ["Running attempts", String(runningAttempts)],
    ["Deployments", `${deployments.total}, ${deployments.unreachable} unreachable`],
    ["Memory", shownBytes(memory.residentBytes)],
    [
      "Disk",
      disk === undefined
        ? undefined
        : `${shownBytes(disk.usedBytes)} used, ${shownBytes(disk.freeBytes)} free`,
    ],
    ...partitions.map(
      ({ id, status: state, durablePosition, checkpointPosition }) =>
        [
          `Partition ${id}`,
          `${state}, durable to ${durablePosition}, checkpoint at ${checkpointPosition}`,
        ] as const,
    ),
    ...Object.entries(invocations ?? {}).map(
      ([name, count]) => [`Invocations ${name}`, String(count)] as const,
    ),
    ...info.problems.map(({ message }) => ["Problem", { text: message, style: "red" }] as const),
  ]);
}
