/**
 * Registering a deployment must not turn this server into somebody's way into its network: whatever spelling an address
 * has, whatever a name resolves to at which time, by discovery and by the native wire.
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";

import { HoldfastError, MANIFEST_MEDIA_TYPE, type StartMessage } from "@holdfast/protocol";

import { systemClock } from "../clock.ts";
import { discover } from "./discovery.ts";
import { EndpointAddresses, type Resolve } from "./endpoint-address.ts";
import { dialOverHttp } from "./native-dial.ts";
import { NativeWire } from "./native-wire.ts";
import { networkRules, type NetworkSettings } from "./network-rules.ts";
import { scriptedManifest } from "./scripted-endpoint.contract.ts";
import { eventually } from "./session-harness.contract.ts";

const EVERYWHERE: NetworkSettings = { allowed: [], denied: [] };
const PRODUCTION: NetworkSettings = { allowed: [], denied: ["loopback", "private"] };

let server: Server;
/** Paths of the requests that arrived. */
let arrived: string[] = [];
let redirectTo: string | undefined;

before(async () => {
  server = createServer((request, response) => {
    arrived.push(request.url ?? "");
    if (redirectTo !== undefined) response.writeHead(302, { location: redirectTo }).end();
    else {
      response.writeHead(200, { "content-type": MANIFEST_MEDIA_TYPE });
      response.end(JSON.stringify(scriptedManifest));
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
});
after(async () => {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
});
/** To be called in each suite: hooks outside of one would serve the tests of every file. */
function freshForEachTest(): void {
  beforeEach(() => {
    arrived = [];
    redirectTo = undefined;
  });
}

function port(): number {
  return (server.address() as AddressInfo).port;
}

/** Answers the n-th look-up of any name with the n-th row, the last one from then on. */
function resolver(...answers: ReadonlyArray<readonly string[]>): Resolve & { asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = (name, done) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(name);
    const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    setImmediate(() => done(null, found));
  };
  return Object.assign(resolve, { asked });
}

/** What discovery at `url` comes to: "manifest", or the error's code. */
async function discovered(url: string, settings: NetworkSettings, resolve: Resolve): Promise<string> {
  try {
    await discover(url, {}, new EndpointAddresses(networkRules(settings), resolve));
    return "manifest";
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    return error.code;
  }
}

/** Why a session on the native wire was lost. */
async function lostBecause(url: string, settings: NetworkSettings, resolve: Resolve): Promise<string> {
  const addresses = new EndpointAddresses(networkRules(settings), resolve);
  const dial = dialOverHttp(addresses);
  const wire = new NativeWire({ clock: systemClock, url, headers: {}, messageBytesMax: 1_000, dial });
  const lost: string[] = [];
  const listener = {
    onMessage: () => assert.fail(),
    onLost: (_code: string, reason: string) => void lost.push(reason),
  };
  wire.open({} as StartMessage, [], listener);
  await eventually(() => lost.length === 1, "the loss");
  wire.close();
  return lost[0] ?? "";
}

describe("an address that no deployment can have", () => {
  freshForEachTest();
  const spellings: ReadonlyArray<readonly [what: string, host: string]> = [
    ["the metadata service", "169.254.169.254"],
    ["in decimal", "2852039166"],
    ["in octal", "0251.0376.0251.0376"],
    ["in hex", "0xa9.0xfe.0xa9.0xfe"],
    ["as one hex number", "0xA9FEA9FE"],
    ["with fewer parts", "169.254.43518"],
    ["with a dot at the end", "169.254.169.254."],
    ["in full-width digits", "１６９.254.169.254"],
    ["with ideographic full stops", "169。254。169。254"],
    ["percent-encoded", "%31%36%39.254.169.254"],
    ["mapped into IPv6", "[::ffff:169.254.169.254]"],
    ["mapped into IPv6 in hex", "[::ffff:a9fe:a9fe]"],
    ["compatible with IPv6", "[::169.254.169.254]"],
    ["behind NAT64", "[64:ff9b::169.254.169.254]"],
    ["behind a NAT64 of one's own", "[64:ff9b:1::a9fe:a9fe]"],
    ["behind 6to4", "[2002:a9fe:a9fe::1]"],
    ["behind Teredo", "[2001:0:4136:e378:8000:63bf:5601:5601]"],
    ["link-local in IPv6", "[fe80::1]"],
    ["site-local in IPv6", "[fec0::1]"],
    ["multicast", "224.0.0.1"],
    ["multicast in IPv6", "[ff02::1]"],
    ["broadcast", "255.255.255.255"],
    ["reserved", "240.0.0.1"],
    ["unspecified", "0.0.0.0"],
    ["as a bare zero", "0"],
    ["of this network", "0.1.2.3"],
    ["unspecified in IPv6", "[::]"],
    ["unspecified, mapped", "[::ffff:0.0.0.0]"],
    ["AWS in IPv6", "[fd00:ec2::254]"],
    ["Alibaba", "100.100.100.200"],
    ["Oracle", "192.0.0.192"],
    ["Azure", "168.63.129.16"],
    ["Google by name", "metadata.google.internal"],
    ["Google by name, in capitals and absolute", "METADATA.google.internal."],
  ];
  for (const [what, host] of spellings) {
    it(`${what} (${host}) is refused by discovery and by the wire, and no name is looked up`, async () => {
      const resolve = resolver(["127.0.0.1"]);
      const url = `http://${host}:${port()}`;
      assert.equal(await discovered(url, EVERYWHERE, resolve), "deployment-address-denied");
      assert.match(await lostBecause(url, EVERYWHERE, resolve), /does not connect to/);
      assert.deepEqual([resolve.asked, arrived], [[], []]);
    });
  }

  it("cannot be allowed", async () => {
    const settings = { allowed: ["169.254.0.0/16", "169.254.169.254"], denied: [] };
    const url = "http://169.254.169.254";
    assert.equal(await discovered(url, settings, resolver()), "deployment-address-denied");
  });

  it("is refused behind a name, and a name without any address is as well", async () => {
    for (const addresses of [["169.254.169.254"], ["fe80::1%eth0"], ["::ffff:a9fe:a9fe"], ["nonsense"], []]) {
      const resolve = resolver(addresses);
      const url = `http://rebound.example:${port()}`;
      assert.equal(await discovered(url, EVERYWHERE, resolve), "deployment-address-denied");
      assert.match(await lostBecause(url, EVERYWHERE, resolve), /does not connect to/);
    }
    assert.deepEqual(arrived, []);
  });
});

describe("an address that the configuration closes", () => {
  freshForEachTest();
  const rows: ReadonlyArray<readonly [host: string, settings: NetworkSettings, isOpen: boolean]> = [
    ["127.0.0.1", EVERYWHERE, true],
    ["127.0.0.1", PRODUCTION, false],
    ["2130706433", PRODUCTION, false],
    ["127.1", PRODUCTION, false],
    ["[::1]", PRODUCTION, false],
    ["[::ffff:7f00:1]", PRODUCTION, false],
    ["10.0.0.7", PRODUCTION, false],
    ["172.31.255.255", PRODUCTION, false],
    ["192.168.1.1", PRODUCTION, false],
    ["100.64.0.1", PRODUCTION, false],
    ["[fd12::1]", PRODUCTION, false],
    ["[64:ff9b::10.0.0.7]", PRODUCTION, false],
    ["127.0.0.1", { allowed: ["10.1.0.0/16"], denied: [] }, false],
    ["127.0.0.1", { allowed: ["127.0.0.1"], denied: [] }, true],
    ["127.0.0.1", { allowed: ["loopback"], denied: ["127.0.0.1/32"] }, false],
  ];
  for (const [host, settings, isOpen] of rows) {
    it(`${host} with ${JSON.stringify(settings)} is ${isOpen ? "open" : "closed"}`, async () => {
      const expected = isOpen ? "manifest" : "deployment-address-denied";
      assert.equal(await discovered(`http://${host}:${port()}`, settings, resolver()), expected);
      assert.equal(arrived.length, isOpen ? 1 : 0);
    });
  }

  it("is skipped among the addresses of a name that has others", async () => {
    const resolve = resolver(["169.254.1.1", "127.0.0.1"]);
    assert.equal(await discovered(`http://both.example:${port()}`, EVERYWHERE, resolve), "manifest");
  });

  it("must be written as a network", () => {
    for (const text of ["10.0.0.0/33", "::/129", "lan", "10.0.0.0/8/8", "10.0.0.0/-1", "", "10.0.0"]) {
      assert.throws(() => networkRules({ allowed: [text], denied: [] }), { code: "config-invalid" });
    }
  });
});

describe("a name that answers differently each time", () => {
  freshForEachTest();
  it("is looked up once a connection, and what was checked is what is dialled", async () => {
    const resolve = resolver(["127.0.0.1"], ["169.254.169.254"]);
    assert.equal(await discovered(`http://flips.example:${port()}`, EVERYWHERE, resolve), "manifest");
    assert.deepEqual(resolve.asked, ["flips.example"]);
  });

  it("is checked again by the wire that dials it after it was registered", async () => {
    const resolve = resolver(["127.0.0.1"], ["10.0.0.7"]);
    const addresses = { allowed: ["loopback"], denied: [] };
    const url = `http://flips.example:${port()}`;
    assert.equal(await discovered(url, addresses, resolve), "manifest");
    assert.match(await lostBecause(url, addresses, resolve), /at 10\.0\.0\.7, which is in none of/);
  });
});

describe("discovery", () => {
  freshForEachTest();
  it("follows no redirect", async () => {
    redirectTo = `http://127.0.0.1:${port()}/elsewhere`;
    const outcome = await discovered(`http://127.0.0.1:${port()}`, EVERYWHERE, resolver());
    assert.equal(outcome, "deployment-incompatible");
    assert.deepEqual(arrived, ["/discover"]);
  });

  it("speaks http and https only, and sends no credentials of an address", async () => {
    for (const url of [
      "file:///etc/passwd",
      "gopher://127.0.0.1/",
      "ftp://127.0.0.1",
      "http://u:p@127.0.0.1",
    ]) {
      assert.equal(await discovered(url, EVERYWHERE, resolver()), "deployment-unreachable");
    }
    assert.equal(
      await discovered(`http://127.0.0.1@169.254.169.254:${port()}`, EVERYWHERE, resolver()),
      "deployment-unreachable",
    );
    assert.deepEqual(arrived, []);
  });
});
