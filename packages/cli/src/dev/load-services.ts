/** Importing a services file, seeing what it imports, and serving what it exports. */
import { registerHooks } from "node:module";
import { basename } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { endpointOf, type Servable } from "@holdfast/protocol";
import type * as Sdk from "@holdfast/sdk";

const SDK = "@holdfast/sdk";
/**
 * What the executable imports itself takes itself for the main program (import.meta.main), and many a services file serves
 * itself then. Not a constant, because the bundler would take the module in.
 */
const IMPORTER: string = "data:text/javascript,export const load = (url) => import(url)";

/** Tells every file that is imported from now on, before it is read. Packages are not the user's to change. */
export function onImport(imported: (file: string) => void): void {
  registerHooks({
    load(url, context, next) {
      if (url.startsWith("file:") && !url.includes("/node_modules/")) imported(fileURLToPath(url));
      return next(url, context);
    },
  });
}

/**
 * The SDK that the user's file works with, which is not this program's own where the file's project has one: errors and
 * definitions are told by their classes.
 */
export class UsedSdk {
  #url: string | undefined;
  readonly #hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context);
      if (specifier === SDK) this.#url ??= resolved.url;
      return resolved;
    },
  });

  async load(): Promise<typeof Sdk> {
    this.#hooks.deregister();
    // A file that was bundled with its SDK names none: ours serves it.
    return this.#url === undefined ? import("@holdfast/sdk") : ((await import(this.#url)) as typeof Sdk);
  }
}

/** Throws what the file throws, and an error that names its exports when there is nothing to serve among them. */
export async function loadServices(file: string): Promise<readonly Servable[]> {
  const { load } = (await import(IMPORTER)) as {
    load(url: string): Promise<Readonly<Record<string, unknown>>>;
  };
  const exports = await load(pathToFileURL(file).href);
  const candidates: unknown[] = Object.values(exports).flatMap((value: unknown) => value);
  const services = new Set(candidates.filter(isServable));
  if (services.size > 0) return [...services];
  const names = Object.keys(exports);
  throw new NoServicesError(
    `${basename(file)} exports no services: ${names.length === 0 ? "it exports nothing" : `it exports ${names.join(", ")}`}. ` +
      "Export what service(), object() or workflow() returns",
  );
}

/** Has no stack to show: it is about the whole file. */
export class NoServicesError extends Error {
  override readonly name = "NoServicesError";
  override readonly stack: string;

  constructor(message: string) {
    super(message);
    this.stack = message;
  }
}

function isServable(value: unknown): value is Servable {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    endpointOf in value &&
    typeof value[endpointOf] === "function"
  );
}
