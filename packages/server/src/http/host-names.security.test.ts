/**
 * A page whose name an attacker's DNS points to this machine ("rebinding") is same-origin with what it reaches. All it
 * cannot choose is the name in Host, so both listeners refuse foreign names before they look at anything else.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { AdminRig } from "../admin/admin-rig.ts";
import { IngressRig } from "../ingress/ingress-rig.ts";
import { answersIn, exchangeRaw } from "./raw-http.contract.ts";

let ingress: IngressRig;
let admin: AdminRig;

before(async () => {
  ingress = await IngressRig.start();
  admin = await AdminRig.start();
});
after(async () => {
  await ingress.close();
  await admin.close();
});

type Row = readonly [what: string, lines: readonly string[], status: number];

/** `PATH` becomes a path that exists; without a Host that is ours it must not matter whether it does. */
const rows: readonly Row[] = [
  ["our name", ["GET PATH HTTP/1.1", "Host: localhost"], 200],
  ["our name, in capitals, with a port", ["GET PATH HTTP/1.1", "Host: LOCALHOST:1"], 200],
  ["our address", ["GET PATH HTTP/1.1", "Host: 127.0.0.1"], 200],
  ["another's name", ["GET PATH HTTP/1.1", "Host: evil.example"], 421],
  [
    "another's name on a path that is not there",
    ["GET /no/such/path/at/all HTTP/1.1", "Host: evil.example"],
    421,
  ],
  ["another's name and a method that is not there", ["BREW PATH HTTP/1.1", "Host: evil.example"], 405],
  [
    "another's name, in a request with a body",
    ["POST PATH HTTP/1.1", "Host: evil.example", "Content-Length: 0"],
    421,
  ],
  [
    "another's name, to upgrade",
    ["GET PATH HTTP/1.1", "Host: evil.example", "Connection: Upgrade", "Upgrade: websocket"],
    421,
  ],
  [
    "another's name, for events",
    ["GET PATH HTTP/1.1", "Host: evil.example", "Accept: text/event-stream"],
    421,
  ],
  ["a name that ends in ours", ["GET PATH HTTP/1.1", "Host: evil.localhost"], 421],
  ["our name, absolute", ["GET PATH HTTP/1.1", "Host: localhost."], 421],
  ["our address in decimal", ["GET PATH HTTP/1.1", "Host: 2130706433"], 421],
  ["our address, mapped", ["GET PATH HTTP/1.1", "Host: [::ffff:127.0.0.1]"], 421],
  ["every address", ["GET PATH HTTP/1.1", "Host: 0.0.0.0"], 421],
  ["nothing", ["GET PATH HTTP/1.1", "Host:"], 421],
  ["a second name behind ours", ["GET PATH HTTP/1.1", "Host: localhost, evil.example"], 400],
  ["no Host", ["GET PATH HTTP/1.1", "Accept: */*"], 400],
  ["no Host in HTTP/1.0", ["GET PATH HTTP/1.0"], 421],
  ["two Hosts", ["GET PATH HTTP/1.1", "Host: localhost", "Host: evil.example"], 400],
  ["two Hosts, the other first", ["GET PATH HTTP/1.1", "Host: evil.example", "Host: localhost"], 400],
  ["the same Host twice", ["GET PATH HTTP/1.1", "Host: localhost", "host: localhost"], 400],
  ["another's name in the target", ["GET http://evil.example/ HTTP/1.1", "Host: localhost"], 400],
  [
    "our name in the target, another's in Host",
    ["GET http://localhost/ HTTP/1.1", "Host: evil.example"],
    421,
  ],
  ["no path", ["OPTIONS * HTTP/1.1", "Host: localhost"], 400],
  [
    "another's name as forwarded",
    ["GET PATH HTTP/1.1", "Host: evil.example", "X-Forwarded-Host: localhost", "Forwarded: host=localhost"],
    421,
  ],
  [
    "another's name as HTTP/2's authority",
    ["GET PATH HTTP/1.1", ":authority: localhost", "Host: evil.example"],
    400,
  ],
];

for (const listener of ["ingress", "admin"] as const) {
  describe(`the ${listener} on a loopback address`, () => {
    for (const [what, [first = "", ...rest], status] of rows) {
      it(`answers ${status} to ${what}: ${[first, ...rest].join(" | ")}`, async () => {
        const path = listener === "ingress" ? "/restate/health" : "/version";
        const { port } = listener === "ingress" ? ingress.server : admin.server;
        const lines = [first.replace("PATH", path), ...rest];
        // The last one shows that the connection was not read past the request as if it were two.
        const received = await exchangeRaw(port, `${lines.join("\r\n")}\r\n\r\n`, 30);
        const answers = answersIn(received);
        assert.deepEqual(
          answers.map((answer) => answer.status),
          [status],
          received,
        );
        assert.doesNotMatch(received, /access-control/i);
      });
    }
  });
}
