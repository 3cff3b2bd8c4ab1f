/**
 * Which addresses a deployment may have. Registering one makes this server open connections to wherever it says, with the
 * server's place in the network: without rules, whoever may register could reach the metadata service of a cloud, or a
 * neighbour that trusts everyone inside. Names mean nothing here; what counts is the address that a connection goes to.
 */
import { BlockList, isIP, isIPv4 } from "node:net";

import { HoldfastError } from "@holdfast/protocol";

export type NetworkRules = {
  /** Why nothing may be dialled at this address; undefined: it may. `address` is an IPv4 or IPv6 address, not a name. */
  refusalOf(address: string): string | undefined;
};

export type NetworkSettings = {
  /** When there are any, an address must lie in one of them. "loopback", "private", an address, or a CIDR block. */
  readonly allowed: readonly string[];
  /** An address must lie in none of them. */
  readonly denied: readonly string[];
};

type Family = "ipv4" | "ipv6";

/** Never dialled, whatever is configured: no handler can live there, and what does live there gives away credentials. */
const NEVER: ReadonlyArray<readonly [what: string, blocks: readonly string[]]> = [
  ["an unspecified address", ["0.0.0.0/8", "::/128"]],
  ["a link-local address", ["169.254.0.0/16", "fe80::/10"]],
  ["a multicast address", ["224.0.0.0/4", "ff00::/8"]],
  ["a reserved or broadcast address", ["240.0.0.0/4"]],
  // Those of AWS (IPv6), Alibaba, Oracle and Azure. The others are link-local.
  [
    "a cloud's metadata service",
    ["fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"],
  ],
  ["an address of the tunnels 6to4 and Teredo", ["2002::/16", "2001::/32"]],
  ["a site-local address", ["fec0::/10"]],
];

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"],
};

/** IPv6 addresses whose last four bytes are the IPv4 address that the connection ends at: translated (NAT64) and mapped. */
const EMBEDDING = blockList(["64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0/96", "::/96"]);
const IPV6_GROUPS = 8;

/** Throws `config-invalid` for what is no network. */
export function networkRules(settings: NetworkSettings): NetworkRules {
  const never = NEVER.map(([what, blocks]) => [what, blockList(blocks)] as const);
  const denied = blockList(expand(settings.denied, "deployments.deniedNetworks"));
  const allowed = blockList(expand(settings.allowed, "deployments.allowedNetworks"));
  const refusalOf = (address: string): string | undefined => {
    // A zone ("fe80::1%eth0") chooses the interface, not the address.
    const plain = address.split("%", 1)[0] ?? "";
    if (isIP(plain) === 0) return "which is no address";
    const embedded = embeddedIpv4(plain);
    if (embedded !== undefined) return refusalOf(embedded);
    const family = familyOf(plain);
    const [what] = never.find(([, blocks]) => blocks.check(plain, family)) ?? [];
    if (what !== undefined) return `which is ${what}`;
    if (denied.check(plain, family)) return "which deployments.deniedNetworks lists";
    if (settings.allowed.length === 0 || allowed.check(plain, family)) return undefined;
    return "which is in none of deployments.allowedNetworks";
  };
  return { refusalOf };
}

/** The IPv4 address that an IPv6 address stands for. `::` and `::1` stand for themselves. */
function embeddedIpv4(address: string): string | undefined {
  if (isIPv4(address) || !EMBEDDING.check(address, "ipv6")) return undefined;
  const groups = groupsOf(address);
  const [high = 0, low = 0] = groups.slice(-2);
  if (high === 0 && low <= 1 && groups.every((group, at) => at >= IPV6_GROUPS - 1 || group === 0))
    return undefined;
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const read = (text: string): number[] =>
    text === ""
      ? []
      : text.split(":").flatMap((group) => (isIPv4(group) ? pairsOf(group) : [parseInt(group, 16)]));
  const [head = "", tail] = address.split("::", 2);
  const before = read(head);
  if (tail === undefined) return before;
  const after = read(tail);
  const zeros = Array.from({ length: IPV6_GROUPS - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after];
}

function pairsOf(ipv4: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split(".").map(Number);
  return [(a << 8) | b, (c << 8) | d];
}

function expand(given: readonly string[], key: string): string[] {
  return given.flatMap((text) => {
    const named = NAMED[text.toLowerCase()];
    if (named !== undefined) return named;
    const [address = "", prefix, more] = text.split("/");
    const bits = isIP(address) === 6 ? 128 : 32;
    const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
    if (isIP(address) !== 0 && isPrefix && more === undefined) return [`${address}/${prefix ?? bits}`];
    const reason = `"${text}" is neither an address, nor a block such as 10.0.0.0/8, nor "loopback" or "private"`;
    throw new HoldfastError("config-invalid", { key, reason });
  });
}

function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = "", prefix] = block.split("/");
    list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return list;
}

function familyOf(address: string): Family {
  return isIPv4(address) ? "ipv4" : "ipv6";
}
