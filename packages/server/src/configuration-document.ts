/** `docs/configuration.md`, made from the table of settings. */
import { formatDuration } from "@holdfast/protocol";

import { environmentName, settings, type Setting } from "./settings.ts";

const HEADER = `# Configuration

Made from \`packages/server/src/settings.ts\`; a test keeps it current.

Values come from, each overriding the one before: the defaults, a JSON file (\`--config FILE\` or \`HOLDFAST_CONFIG\`), the
environment, arguments. A key that is no setting is an error with a suggestion. Durations may be written as "10m" and sizes
as "10MiB". Numbers that bound what others send are limits: whoever exceeds one gets the error in the last column, which
names it.

Each connection takes one of the files that the process may have open. On Linux the server keeps 64 of them for its log, its
checkpoint and the ways to handlers; where \`ulimit -n\` leaves less than \`ingress.connectionsMax\` and \`admin.connectionsMax\`
ask for, they are lowered, three parts to the ingress and one to the admin API, and a warning at the start says so.

| key | default | environment | meaning | error |
|---|---|---|---|---|
`;

export function configurationDocument(): string {
  const rows = Object.entries(settings as Record<string, Setting>).map(([key, setting]) => {
    const error =
      setting.type === "number" && setting.code !== undefined
        ? `[${setting.code}](errors.md#${setting.code})`
        : "";
    return `| \`${key}\` | ${showDefault(setting)} | \`${environmentName(key)}\` | ${setting.meaning} | ${error} |\n`;
  });
  return HEADER + rows.join("");
}

function showDefault(setting: Setting): string {
  switch (setting.type) {
    case "text":
    case "choice":
      return setting.default === "" ? "" : `\`${setting.default}\``;
    case "list":
      return setting.default.map((item) => `\`${item}\``).join(" ");
    case "number":
      if (setting.unit === "ms") return formatDuration(setting.default);
      return setting.unit === "bytes" ? showBytes(setting.default) : String(setting.default);
  }
}

const KIB = 1024;

function showBytes(bytes: number): string {
  for (const [unit, size] of [
    ["GiB", KIB ** 3],
    ["MiB", KIB ** 2],
    ["KiB", KIB],
  ] as const) {
    if (bytes % size === 0) return `${bytes / size} ${unit}`;
  }
  return String(bytes);
}
