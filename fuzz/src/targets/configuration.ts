/** The configuration: a document in a file, variables of the environment, arguments. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { HoldfastError } from "@holdfast/protocol";
import { loadConfig, settings } from "@holdfast/server/parts";

import { ByteSource, sized } from "../engine/byte-source.ts";
import { refusedOr, require, type Target } from "../engine/target.ts";

const KEYS = Object.keys(settings);

let file: string | undefined;

function fileWith(content: Uint8Array): string {
  if (file === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-fuzz-"));
    file = join(folder, "config.json");
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }
  writeFileSync(file, content);
  return file;
}

function variableOf(key: string): string {
  return `HOLDFAST_${key.replaceAll(/[A-Z]/g, "_$&").replaceAll(".", "_").toUpperCase()}`;
}

/** Whatever is accepted has exactly the settings that there are, each within its bounds. */
function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const kind = source.below(3);
  const loaded = refusedOr([HoldfastError], () => {
    if (kind === 0) return loadConfig({ file: fileWith(source.rest()) });
    const key = KEYS[source.below(KEYS.length)] ?? "";
    const name = source.byte() < 200 ? key : source.text();
    const text = Buffer.from(source.rest()).toString("utf8");
    return kind === 1
      ? loadConfig({ environment: { [name === key ? variableOf(key) : `HOLDFAST_${name}`]: text } })
      : loadConfig({ arguments: { [name]: text } });
  });
  if (loaded === undefined) return;
  require(Object.keys(loaded.values).length === KEYS.length, "settings that there are not", Object.keys(
    loaded.values,
  ));
  for (const [key, setting] of Object.entries(settings)) {
    const value: unknown = Reflect.get(loaded.values, key);
    if (setting.type === "number")
      require(typeof value === "number" &&
        value >= setting.min &&
        value <= setting.max, `${key} is out of bounds`, value);
    else if (setting.type === "list") require(Array.isArray(value), `${key} is no list`, value);
    else require(typeof value === "string", `${key} is no text`, value);
  }
}

const document = (value: unknown): Uint8Array =>
  Buffer.concat([Uint8Array.of(0), Buffer.from(JSON.stringify(value))]);

export const configuration: Target = {
  name: "configuration",
  decodes: "configuration from a file, the environment and arguments",
  seeds: () => [
    document({}),
    document({ "ingress.port": 0, ingress: { storedHeaders: ["x-*"], bodyBytesMax: "10MiB" } }),
    document({ data: "/var/lib", admin: { port: "9070" } }),
    ...KEYS.flatMap((_, index) =>
      [1, 2].map((kind) => Buffer.concat([Uint8Array.of(kind, index, 0), Buffer.from("10m")])),
    ),
    Buffer.concat([Uint8Array.of(1, 0, 255), sized("PORT_80_TCP"), Buffer.from("tcp://1.2.3.4:80")]),
  ],
  tokens: [
    ...KEYS.map((key) => `"${key}":`),
    '{"',
    "{",
    "[",
    '{"a":',
    "10MiB",
    "KiB",
    "GiB",
    '"10m"',
    "1e400",
    "-1",
    "1.5",
    "null",
    '"__proto__":',
    '"constructor":',
  ],
  hasJson: true,
  run,
};
