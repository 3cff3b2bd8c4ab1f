/** A deployment as Restate's admin API shows it. */
import type { DeploymentRow } from "@holdfast/engine";
import type { EndpointManifest } from "@holdfast/protocol";

import { iso } from "../shown-time.ts";

export type RestateDeployment = {
  readonly id: string;
  readonly uri: string;
  readonly protocol_type: "BidiStream" | "RequestResponse";
  readonly http_version: string;
  readonly additional_headers?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly created_at: string;
  readonly min_protocol_version: number;
  readonly max_protocol_version: number;
  readonly sdk_version: string;
  readonly services: ReadonlyArray<{ readonly name: string; readonly revision: number }>;
};

/** Their values may be credentials, and whoever lists deployments need not know those. */
const HIDDEN = "(hidden)";
/** Of our own wire, on deployments that are driven over it. */
const NATIVE_WIRE_VERSION = 1;

export function restateDeployment(row: Readonly<DeploymentRow>): RestateDeployment {
  const { manifest } = row;
  const headers = Object.keys(row.headers).map((name) => [name, HIDDEN] as const);
  return {
    id: row.id,
    uri: row.url,
    protocol_type: manifest.restate?.mode === "request-response" ? "RequestResponse" : "BidiStream",
    http_version: manifest.restate?.http === "2" ? "HTTP/2.0" : "HTTP/1.1",
    ...(headers.length === 0 ? {} : { additional_headers: Object.fromEntries(headers) }),
    ...(Object.keys(row.metadata).length === 0 ? {} : { metadata: row.metadata }),
    created_at: withNanoseconds(iso(row.createdAt)),
    ...protocolVersions(manifest),
    sdk_version: manifest.sdk,
    services: manifest.services.map(({ name }) => ({ name, revision: row.revisions[name] ?? 0 })),
  };
}

export function protocolVersions({
  restate,
}: EndpointManifest): Pick<RestateDeployment, "min_protocol_version" | "max_protocol_version"> {
  return {
    min_protocol_version: restate?.minProtocolVersion ?? NATIVE_WIRE_VERSION,
    max_protocol_version: restate?.maxProtocolVersion ?? NATIVE_WIRE_VERSION,
  };
}

function withNanoseconds(isoText: string): string {
  return isoText.replace(/Z$/, "000000Z");
}
