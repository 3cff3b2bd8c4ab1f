import type { EndpointManifest } from "@holdfast/protocol";

import { serviceManifest, type Definition } from "../definition/definition.ts";
import { SDK_NAME } from "./sdk-name.ts";

/** What an endpoint with these definitions says about itself. */
export function endpointManifest(
  definitions: readonly Definition[],
  wires: EndpointManifest["wires"],
): EndpointManifest {
  return { wires, sdk: SDK_NAME, runtime: runtimeName(), services: definitions.map(serviceManifest) };
}

interface RuntimeGlobals {
  readonly process?: { readonly versions?: { readonly node?: string } };
  readonly Bun?: { readonly version: string };
  readonly Deno?: { readonly version: { readonly deno: string } };
}

function runtimeName(): string {
  const { process, Bun, Deno } = globalThis as RuntimeGlobals;
  if (Bun !== undefined) return `bun/${Bun.version}`;
  if (Deno !== undefined) return `deno/${Deno.version.deno}`;
  return process?.versions?.node === undefined ? "unknown" : `node/${process.versions.node}`;
}
