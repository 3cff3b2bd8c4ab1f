/**
 * Connections to deployments go to addresses that the rules allow. The check is part of the look-up that the connection
 * itself uses: a name is resolved once, and what was checked is what is dialled, so a name that answers differently the
 * next time gains nothing.
 */
import { lookup as systemLookup, type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";

import { HoldfastError } from "@holdfast/protocol";

import type { NetworkRules } from "./network-rules.ts";

/** All addresses of a name. */
export type Resolve = (
  name: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** Names under which clouds serve credentials. Their addresses are refused as well; the name says it sooner and clearer. */
const METADATA_NAMES = new Set([
  "metadata",
  "metadata.google.internal",
  "instance-data",
  "instance-data.ec2.internal",
]);

export class EndpointAddresses {
  readonly #rules: NetworkRules;
  readonly #resolve: Resolve;

  /** `resolve`: by default as the system does. */
  constructor(rules: NetworkRules, resolve: Resolve = resolveBySystem) {
    this.#rules = rules;
    this.#resolve = resolve;
  }

  /**
   * What node:http needs to connect to the host of `url` and nowhere else: no agent, because that could be a proxy's.
   * Throws `deployment-address-denied` when the host is an address that may not be dialled.
   */
  connectOptions(url: URL): {
    readonly hostname: string;
    readonly port: string;
    readonly agent: false;
    readonly lookup: LookupFunction;
  } {
    // The URL parser has read every other way to write an IPv4 address (decimal, octal, hex) into the usual one.
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const name = hostname.replace(/\.$/, "").toLowerCase();
    if (METADATA_NAMES.has(name)) throw denied(hostname, "which is the name of a cloud's metadata service");
    // Node does not look up what is an address already.
    if (isIP(name) !== 0) {
      const refusal = this.#rules.refusalOf(name);
      if (refusal !== undefined) throw denied(hostname, refusal);
    }
    return { hostname, port: url.port, agent: false, lookup: this.#lookup };
  }

  readonly #lookup: LookupFunction = (name, options, done) => {
    this.#resolve(name, (error, addresses) => {
      if (error !== null) {
        done(error, []);
        return;
      }
      const refusals = addresses.map(({ address }) => this.#rules.refusalOf(address));
      const allowed = addresses.filter((_, at) => refusals[at] === undefined);
      const [first] = allowed;
      if (first === undefined) {
        const [refused] = addresses;
        const reason =
          refused === undefined ? "which has no address" : `at ${refused.address}, ${refusals[0]}`;
        done(denied(name, reason), []);
      } else if (options.all === true) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}

function resolveBySystem(
  name: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
): void {
  systemLookup(name, { all: true }, (error, addresses) => done(error, error === null ? addresses : []));
}

function denied(host: string, reason: string): HoldfastError {
  return new HoldfastError("deployment-address-denied", { host: host.slice(0, 200), reason });
}
