/** A running server: one engine, its ingress, and its admin API. */
import { inspect } from "node:util";

import { defaultFoldSettings, type FoldSettings } from "@holdfast/engine";
import {
  HoldfastError,
  shownLine,
  shownLines,
  type ConfigEntryInfo,
  type Servable,
  type VersionInfo,
} from "@holdfast/protocol";

import packageJson from "../package.json" with { type: "json" };
import { createAdmin } from "./admin/admin.ts";
import { systemClock } from "./clock.ts";
import { limitsOf, type Config, type LoadedConfig } from "./config.ts";
import { openDataDirectory, type DataDirectory } from "./data-directory.ts";
import { exitWith } from "./embedded.ts";
import { endpointsOf } from "./embedded/endpoints.ts";
import { Engine } from "./engine.ts";
import { allowedHosts, isLoopbackAddress } from "./http/access.ts";
import { fitConnections, openFilesMax } from "./http/connection-limits.ts";
import type { HttpHandler } from "./http/exchange.ts";
import { HttpServer } from "./http/http-server.ts";
import { ReceiveBudget } from "./http/receive-budget.ts";
import { identityKey, identityKeyPath } from "./identity-key.ts";
import type { Authenticate } from "./ingress/auth/authenticator.ts";
import { authenticationOf } from "./ingress/auth/from-config.ts";
import { createIngress } from "./ingress/ingress.ts";
import { PROTOCOL_VERSION_DEFAULT, protocolVersions } from "./invoker/restate/protocol-versions.ts";
import { probeDisk } from "./log/probe.ts";
import { requireSafeNode } from "./node-version.ts";
import { QueryHost } from "./query/query-host.ts";
import { settings, type Setting } from "./settings.ts";

/** Requests under way get so long to be answered when the server closes. */
const CLOSE_GRACE_MS = 1_000;

export type ServerOptions = {
  readonly config: LoadedConfig;
  /** Handlers to run in the server's own process. */
  readonly services?: readonly Servable[];
  /** Default: print the reason and exit with status 70. */
  readonly onFailed?: (reason: Error) => void;
  /** Default: console.warn. */
  readonly onWarning?: (message: string) => void;
};

export type RunningServer = {
  readonly ingressUrl: string;
  readonly adminUrl: string;
  readonly engine: Engine;
  /** Stops listening, lets what was accepted become durable, and lets go of the directory. */
  close(): Promise<void>;
};

/**
 * Starts a server on its data directory. Fails when the directory is in use or damaged, when an address is taken, when the
 * admin API would be open to the network without a token, and on a Node with known holes.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, warning } = fitConnections(options.config, openFilesMax());
  const { values } = config;
  requireSafeNode(process.versions.node);
  refuseOpenAdmin(values);
  const onWarning =
    options.onWarning ?? ((message: string) => console.warn(`holdfast: ${shownLine(message)}`));
  if (warning !== undefined) onWarning(warning);
  const authenticate = authenticationOf(values, systemClock, onWarning);
  if (authenticate === undefined && !isLoopbackAddress(values["ingress.host"])) {
    onWarning(
      `everyone who reaches ${values["ingress.host"]}:${values["ingress.port"]} may call every public handler: ingress.auth is off`,
    );
  }
  // What is open is closed in reverse order: when the server closes, and when a later part cannot be started.
  await using opened = new AsyncDisposableStack();
  const directory = await openDataDirectory(values.data, {
    segmentBytes: values["log.segmentBytes"],
    onWarning,
  });
  opened.defer(() => directory.close());
  for (const warning of probeDisk({ dir: values.data }).warnings) onWarning(warning);
  const engine = await openEngine(options, directory, onWarning);
  opened.defer(async () => {
    await engine.close();
    directory.noteEnd(engine.health());
  });
  const budget = new ReceiveBudget(values["ingress.receivingBytesMax"], "ingress.receivingBytesMax");
  const ingress = await listenIngress(engine, values, { authenticate, budget });
  opened.defer(() => ingress.close(CLOSE_GRACE_MS));
  const queries = queryHost(values);
  opened.defer(() => queries.close());
  const admin = await listenAdmin(engine, config, { ingressUrl: ingress.url, budget, queries });
  opened.defer(() => admin.close(CLOSE_GRACE_MS));
  const running = opened.move();
  return {
    ingressUrl: ingress.url,
    adminUrl: admin.url,
    engine,
    close: () => running.disposeAsync(),
  };
}

/** Whoever reaches the admin API can register code and read every journal. */
function refuseOpenAdmin(values: Config): void {
  if (isLoopbackAddress(values["admin.host"]) || values["admin.token"] !== "") return;
  throw new HoldfastError(
    "config-invalid",
    {},
    {
      message: `admin.host is ${values["admin.host"]}, which others can reach, and admin.token is empty`,
      hint: "Set admin.token (HOLDFAST_ADMIN_TOKEN), or bind the admin API to 127.0.0.1.",
    },
  );
}

function openEngine(
  options: ServerOptions,
  directory: DataDirectory,
  onWarning: (message: string) => void,
): Promise<Engine> {
  const { values } = options.config;
  return Engine.open({
    clock: systemClock,
    log: directory.log,
    store: directory.store,
    settings: foldSettings(values),
    limits: {
      batchBytesMax: values["batch.bytesMax"],
      pendingBytesMax: values["batch.pendingBytesMax"],
      messageBytesMax: values["session.messageBytesMax"],
      attemptsMax: values["session.attemptsMax"],
      diskBudgetBytes: values["retention.diskBudgetBytes"],
      crashesMax: values["retry.crashesMax"],
    },
    wasCrash: directory.wasCrash,
    checkpoints: {
      dirtyRows: values["checkpoint.dirtyRows"],
      logBytes: values["checkpoint.logBytes"],
      intervalMs: values["checkpoint.interval"],
    },
    idSecret: values["ids.secret"],
    networks: {
      allowed: values["deployments.allowedNetworks"],
      denied: values["deployments.deniedNetworks"],
    },
    retentionIntervalMs: values["retention.interval"],
    endpoints: endpointsOf(options.services ?? []),
    ...(values["identity.sign"] === "on"
      ? { identity: identityKey(values["identity.keyFile"] || identityKeyPath(values.data)) }
      : {}),
    onFailed: options.onFailed ?? exitWith,
    onWarning,
  });
}

export function foldSettings(values: Config): FoldSettings {
  return {
    ...defaultFoldSettings,
    retryPolicy: {
      initialIntervalMs: values["retry.initialInterval"],
      factor: values["retry.factor"],
      maxIntervalMs: values["retry.maxInterval"],
      maxAttempts: values["retry.maxAttempts"],
      onMaxAttempts: values["retry.onMaxAttempts"] === "kill" ? "kill" : "pause",
    },
    inactivityTimeoutMs: values["session.inactivityTimeout"],
    abortTimeoutMs: values["session.abortTimeout"],
    journalRetentionMs: values["retention.journal"],
    idempotencyRetentionMs: values["retention.idempotency"],
    workflowRetentionMs: values["retention.workflow"],
    journalEntriesMax: values["limits.journalEntriesMax"],
    journalBytesMax: values["limits.journalBytesMax"],
    stateValueBytesMax: values["limits.stateValueBytesMax"],
    stateBytesMax: values["limits.stateBytesMax"],
    inboxMax: values["limits.inboxMax"],
    restateVersionMax: values["restate.protocolVersionMax"],
  };
}

function listenIngress(
  engine: Engine,
  values: Config,
  parts: { readonly authenticate: Authenticate | undefined; readonly budget: ReceiveBudget },
): Promise<HttpServer> {
  const host = values["ingress.host"];
  const handler = createIngress(
    engine,
    {
      ...parts,
      bodyBytesMax: values["ingress.bodyBytesMax"],
      keyBytesMax: values["ingress.keyBytesMax"],
      idempotencyKeyBytesMax: values["ingress.idempotencyKeyBytesMax"],
      jsonDepthMax: values["ingress.jsonDepthMax"],
      waitingCallsMax: values["ingress.waitingCallsMax"],
      storedHeaders: values["ingress.storedHeaders"],
      corsOrigins: values["ingress.corsOrigins"],
      hosts: allowedHosts(host, values["ingress.hosts"]),
      refuseCrossSite: isLoopbackAddress(host),
    },
    reportDefect,
  );
  return HttpServer.listen({
    ...listener(values, handler, parts.budget),
    bodyBytesMax: values["ingress.bodyBytesMax"],
    source: "ingress",
    host,
    port: values["ingress.port"],
    connectionsMax: values["ingress.connectionsMax"],
  });
}

function queryHost(values: Config): QueryHost {
  return new QueryHost({
    limits: {
      timeMs: values["query.timeLimit"],
      rowsMax: values["query.rowsMax"],
      resultBytesMax: values["query.resultBytesMax"],
      memoryBytesMax: values["query.memoryBytesMax"],
    },
    runningMax: values["query.runningMax"],
    waitingMax: values["query.waitingMax"],
  });
}

function listenAdmin(
  engine: Engine,
  config: LoadedConfig,
  parts: { readonly ingressUrl: string; readonly budget: ReceiveBudget; readonly queries: QueryHost },
): Promise<HttpServer> {
  const { values } = config;
  const host = values["admin.host"];
  const handler = createAdmin(
    engine,
    {
      token: values["admin.token"] === "" ? undefined : values["admin.token"],
      hosts: allowedHosts(host, values["admin.hosts"]),
      bodyBytesMax: values["admin.bodyBytesMax"],
      budget: parts.budget,
      queries: parts.queries,
      keyBytesMax: values["ingress.keyBytesMax"],
      jsonDepthMax: values["ingress.jsonDepthMax"],
      startedAt: Date.now(),
      version: {
        ...versionInfo(parts.ingressUrl, values["restate.protocolVersionMax"]),
        ...(engine.identityKey === undefined ? {} : { identityKey: engine.identityKey }),
        ...(engine.restateIdentityKey === undefined ? {} : { restateIdentityKey: engine.restateIdentityKey }),
      },
      limits: limitsOf(config),
      config: configEntries(config),
    },
    reportDefect,
  );
  return HttpServer.listen({
    ...listener(values, handler, parts.budget),
    bodyBytesMax: values["admin.bodyBytesMax"],
    source: "admin",
    host,
    port: values["admin.port"],
    connectionsMax: values["admin.connectionsMax"],
  });
}

function listener(values: Config, handler: HttpHandler, budget: ReceiveBudget) {
  return {
    handler,
    budget,
    headerBytesMax: values["ingress.headerBytesMax"],
    headersMax: values["ingress.headersMax"],
    urlBytesMax: values["ingress.urlBytesMax"],
    requestTimeoutMs: values["ingress.requestTimeout"],
    idleTimeoutMs: values["ingress.idleTimeout"],
    onDefect: reportDefect,
  };
}

function reportDefect(error: unknown): void {
  console.error(`holdfast: a request could not be answered: ${shownLines(inspect(error))}`);
}

export function versionInfo(
  ingressUrl: string,
  restateVersionMax: number = PROTOCOL_VERSION_DEFAULT,
): VersionInfo {
  return {
    version: packageJson.version,
    runtime: `node/${process.versions.node}`,
    nativeWire: [1],
    restateProtocol: protocolVersions(restateVersionMax),
    adminApi: 1,
    ingressUrl,
  };
}

function configEntries({ values, sources }: LoadedConfig): ConfigEntryInfo[] {
  return (Object.entries(settings) as Array<[keyof Config, Setting]>).map(([key, setting]) => ({
    key,
    value: setting.isSecret === true ? "(secret)" : String(values[key]),
    default: String(setting.default),
    source: sources[key],
    meaning: setting.meaning,
  }));
}
