/** Run Holdfast: inside a program of your own, or as a server. */
export { inspectDataDirectory, type DataDirectoryReport, type StoreInspection } from "./doctor.ts";
export { Holdfast, type HoldfastOptions } from "./embedded.ts";
export {
  InvocationFailedError,
  LocalClient,
  LocalPromise,
  type LocalCallOptions,
  type LocalHandle,
  type LocalSendOptions,
} from "./embedded/local-client.ts";
export { Engine, type EngineLimits, type EngineOptions } from "./engine.ts";
export { DirectoryLockedError } from "./log/directory-lock.ts";
export { LogCorruptError, LogVersionError } from "./log/log.ts";
export { StoreCorruptError, StoreFormatError } from "./store/store.ts";
export { superviseQueries } from "./query/query-supervisor.ts";
export { loadConfig, type Config, type ConfigInput, type LoadedConfig } from "./config.ts";
export { startServer, versionInfo, type RunningServer, type ServerOptions } from "./server.ts";
export { environmentName, settings, type Setting, type SettingKey } from "./settings.ts";
