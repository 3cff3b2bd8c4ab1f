import type { RunningDeployment } from "../deployments.ts";
import type { HostStatus, Platform } from "../platform.ts";
import { ControlError, type ControlHandlers } from "./control-server.ts";

/** What the commands do. `deploy` starts a deployment and shows it where Slipway runs. */
export function controlHandlers(
  platform: Platform,
  deploy: (directory: string) => Promise<RunningDeployment>,
): ControlHandlers {
  return {
    status: async () => ({
      apps: (await platform.status()).map((status) => appStatus(platform, status)),
      deployments: await platform.deployments.list(),
    }),
    deploy: async (directory) => {
      if (directory === undefined) throw new ControlError(400, 'Which one? {"directory": "/path/to/app"}');
      const { entry, outcome } = await deploy(directory);
      const result = await outcome;
      return { ...result, app: entry.app, number: entry.number, url: platform.urlOf(entry.host) };
    },
    rollBack: async (app) => {
      const { host } = pickHost(await platform.status(), app);
      const outcome = await platform.rollBack(host);
      return { host, url: platform.urlOf(host), ...outcome };
    },
  };
}

function appStatus(platform: Platform, { host, app, domain, regions }: HostStatus): object {
  return {
    app,
    url: platform.urlOf(host),
    live: domain.live ?? null,
    regions: regions.flatMap(({ name, instances }) =>
      instances.map((instance) => ({
        region: name,
        ...instance,
        isLive: instance.deployment === domain.live,
      })),
    ),
    history: domain.history,
  };
}

function pickHost(hosts: readonly HostStatus[], app: string | undefined): HostStatus {
  const names = hosts.map((status) => status.app).join(", ");
  const found =
    app === undefined && hosts.length === 1 ? hosts[0] : hosts.find((status) => status.app === app);
  if (found !== undefined) return found;
  if (hosts.length === 0) throw new ControlError(404, "Nothing has been deployed.");
  if (app === undefined) throw new ControlError(400, `Which one? There are: ${names}.`);
  throw new ControlError(404, `There is no application "${app}". There are: ${names}.`);
}
