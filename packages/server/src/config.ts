/**
 * Reads the configuration: defaults, then a JSON file, then the environment, then arguments; the later wins. What nobody
 * asked for is an error that says what was probably meant: a misspelt limit that is silently ignored is no limit.
 */
import { readFileSync } from "node:fs";

import { closestName, HoldfastError, parseDuration, type LimitInfo } from "@holdfast/protocol";

import { excessReason } from "./http/strict-json.ts";
import { environmentName, settings, type NumberSetting, type Setting, type SettingKey } from "./settings.ts";

type ValueOf<S extends Setting> = S["type"] extends "number"
  ? number
  : S["type"] extends "list"
    ? readonly string[]
    : string;

/** The value of every setting. */
export type Config = { readonly [Key in SettingKey]: ValueOf<(typeof settings)[Key]> };

export type ConfigSource = "default" | "file" | "environment" | "argument";

export type LoadedConfig = {
  readonly values: Config;
  readonly sources: Readonly<Record<SettingKey, ConfigSource>>;
};

export type ConfigInput = {
  /** Path of a JSON file; settings may be nested by the dots of their keys. */
  readonly file?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** By key; as text or as what JSON would give. */
  readonly arguments?: Readonly<Record<string, unknown>>;
};

/** Variables of the same prefix that are not settings of the server. */
const OTHER_VARIABLES = new Set([
  "HOLDFAST_ADMIN_URL",
  "HOLDFAST_INGRESS_URL",
  "HOLDFAST_TOKEN",
  "HOLDFAST_CALLER_TOKEN",
  "HOLDFAST_CONFIG",
]);
const FILE_DEPTH_MAX = 64;
const PREFIX = "HOLDFAST_";
/** What Kubernetes sets in every container when a service in the namespace is called "holdfast" or "holdfast-…". */
const KUBERNETES_NAME = /^HOLDFAST(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)$/;
const KUBERNETES_VALUE = /^(tcp|udp):\/\//;

/** Throws `config-invalid` naming the key, the value, what was expected, and where it came from. */
export function loadConfig(input: ConfigInput = {}): LoadedConfig {
  const values: Record<string, unknown> = {};
  const sources: Record<string, ConfigSource> = {};
  for (const [key, setting] of settingEntries()) {
    values[key] = setting.default;
    sources[key] = "default";
  }
  const take = (source: ConfigSource, where: string, key: string, raw: unknown): void => {
    const setting = settingFor(key, where);
    values[key] = readValue(setting, key, raw, where);
    sources[key] = source;
  };
  if (input.file !== undefined) {
    for (const [key, raw] of readFile(input.file)) take("file", input.file, key, raw);
  }
  for (const [key, raw] of environmentValues(input.environment ?? {})) {
    take("environment", `the environment variable ${environmentName(key)}`, key, raw);
  }
  for (const [key, raw] of Object.entries(input.arguments ?? {})) {
    if (raw !== undefined) take("argument", "the arguments", key, raw);
  }
  return { values: values as Config, sources: sources as LoadedConfig["sources"] };
}

function settingEntries(): Array<[SettingKey, Setting]> {
  return Object.entries(settings) as Array<[SettingKey, Setting]>;
}

function invalid(reason: string, hint?: string): HoldfastError {
  const message = reason.charAt(0).toUpperCase() + reason.slice(1);
  return new HoldfastError("config-invalid", {}, hint === undefined ? { message } : { message, hint });
}

function settingFor(key: string, where: string): Setting {
  if (Object.hasOwn(settings, key)) return settings[key as SettingKey];
  const suggestion = closestName(key, Object.keys(settings));
  throw invalid(
    `${where} sets "${key}", which is no setting`,
    suggestion === undefined
      ? "See docs/configuration.md for all settings."
      : `Did you mean "${suggestion}"?`,
  );
}

function readFile(path: string): Array<[string, unknown]> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw invalid(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  // The longest key has three parts; deep enough, it would exhaust the stack.
  const excess = excessReason(text, FILE_DEPTH_MAX);
  if (excess !== undefined) throw invalid(`${path} ${excess}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(`${path} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`${path} must hold a JSON object`);
  return flatten(value, "");
}

function flatten(value: object, prefix: string): Array<[string, unknown]> {
  const entries: Array<[string, unknown]> = [];
  for (const [name, inner] of Object.entries(value) as Array<[string, unknown]>) {
    const key = prefix + name;
    const isGroup =
      typeof inner === "object" && inner !== null && !Array.isArray(inner) && !Object.hasOwn(settings, key);
    if (isGroup) entries.push(...flatten(inner, `${key}.`));
    else entries.push([key, inner]);
  }
  return entries;
}

function environmentValues(
  environment: Readonly<Record<string, string | undefined>>,
): Array<[SettingKey, string]> {
  const keys = new Map(settingEntries().map(([key]) => [environmentName(key), key]));
  const found: Array<[SettingKey, string]> = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || OTHER_VARIABLES.has(name) || value === undefined) continue;
    const key = keys.get(name);
    if (KUBERNETES_NAME.test(name) || KUBERNETES_VALUE.test(value)) continue;
    if (key === undefined) {
      const suggestion = closestName(name, [...keys.keys()]);
      throw invalid(
        `the environment variable ${name} is no setting`,
        suggestion === undefined
          ? "See docs/configuration.md for all settings."
          : `Did you mean ${suggestion}?`,
      );
    }
    found.push([key, value]);
  }
  return found;
}

function readValue(setting: Setting, key: string, raw: unknown, where: string): unknown {
  const expected = (what: string): HoldfastError =>
    invalid(
      `${where} sets "${key}" to ${setting.isSecret === true ? "a value" : JSON.stringify(raw)}; expected ${what}`,
    );
  switch (setting.type) {
    case "text":
      if (typeof raw !== "string") throw expected("text");
      return raw;
    case "choice":
      if (typeof raw !== "string" || !setting.choices.includes(raw))
        throw expected(`one of ${setting.choices.join(", ")}`);
      return raw;
    case "list": {
      const list =
        typeof raw === "string"
          ? raw
              .split(",")
              .map((part) => part.trim())
              .filter((part) => part !== "")
          : raw;
      if (!Array.isArray(list) || list.some((item) => typeof item !== "string"))
        throw expected("a list of texts");
      return list;
    }
    case "number": {
      const value = readNumber(setting, raw);
      if (value === undefined) throw expected(describeNumber(setting));
      return value;
    }
  }
}

function readNumber(setting: NumberSetting, raw: unknown): number | undefined {
  let value = raw;
  if (typeof raw === "string") {
    const text = raw.trim();
    value = /^\d+(\.\d+)?$/.test(text)
      ? Number(text)
      : setting.unit === "ms"
        ? parseDuration(text)
        : parseSize(setting, text);
  }
  if (typeof value !== "number" || !(value >= setting.min && value <= setting.max)) return undefined;
  return value;
}

const SIZE_UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function parseSize(setting: NumberSetting, text: string): number | undefined {
  const match = setting.unit === "bytes" ? /^(\d+)\s*(KiB|MiB|GiB)$/.exec(text) : null;
  return match === null ? undefined : Number(match[1]) * (SIZE_UNITS[match[2] ?? ""] ?? Number.NaN);
}

function describeNumber({ unit, min, max }: NumberSetting): string {
  if (unit === "ms") return `a duration such as "10m", or milliseconds from ${min}`;
  if (unit === "bytes") return `bytes from ${min}, or a size such as "10MiB"`;
  return `a number from ${min} to ${max}`;
}

/** What `GET /limits` shows: every number that bounds something. */
export function limitsOf(config: LoadedConfig): LimitInfo[] {
  const limits: LimitInfo[] = [];
  for (const [key, setting] of settingEntries()) {
    if (setting.type !== "number" || setting.code === undefined) continue;
    limits.push({
      name: key.slice(key.lastIndexOf(".") + 1),
      value: config.values[key] as number,
      default: setting.default,
      unit: setting.unit,
      configKey: key,
      source: config.sources[key],
      meaning: setting.meaning,
      code: setting.code,
    });
  }
  return limits;
}
