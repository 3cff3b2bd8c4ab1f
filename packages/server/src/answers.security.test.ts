/** What callers get back is never taken for a page, and what they send never becomes a property of every object. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { AdminRig } from "./admin/admin-rig.ts";
import { IngressRig } from "./ingress/ingress-rig.ts";

const NAMES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
const SCRIPT = "<script>alert(1)</script>";

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

function isPolluted(): boolean {
  return "polluted" in {} || Object.hasOwn(Object.prototype, "0");
}

test("no answer of the ingress or the admin API is taken for a page, whatever it repeats", async () => {
  const path = encodeURIComponent(SCRIPT);
  const answers = [
    await ingress.request("/Greeter/echo", { json: SCRIPT, headers: { accept: "text/html" } }),
    await ingress.request("/Greeter/greet", { json: { name: SCRIPT } }),
    await ingress.request("/Greeter/fail", {
      json: { code: 400, message: SCRIPT, metadata: [["a", SCRIPT]] },
    }),
    await ingress.request(`/${path}/greet`),
    await ingress.request(`/Greeter/${path}`),
    await ingress.request("/Greeter/greet", { body: SCRIPT, headers: { "content-type": "text/html" } }),
    await ingress.request(`/Greeter/greet?${path}`, { method: "DELETE" }),
    await admin.get(`/${path}`),
    await admin.get(`/services/${path}`),
    await admin.get(`/invocations?status=${path}`),
    await admin.send("POST", "/deployments", { url: SCRIPT }),
    await admin.send("POST", "/deployments", { [SCRIPT]: 1 }),
    await admin.get(
      `/invocations/${await admin.invoke({ service: "Greeter", handler: "hang" }, { input: SCRIPT })}`,
    ),
  ];
  for (const { headers, text } of answers) {
    assert.match(headers.get("content-type") ?? "", /^application\/(problem\+)?json$/, text);
    assert.equal(headers.get("x-content-type-options"), "nosniff", text);
  }
});

test("names that are properties of every object are ordinary names, in every place that takes some", async () => {
  for (const name of NAMES) {
    const body = `{"name":"n","${name}":{"polluted":true},"friends":[]}`;
    const init = {
      headers: { "content-type": "application/json", [`x-${name.replaceAll("_", "-")}`]: "1" },
      body,
    };
    assert.equal((await ingress.request("/Greeter/greet", init)).status, 200);
    assert.equal((await ingress.request(`/Counter/${name}/add`, init)).json, name);
    assert.equal(
      (
        await ingress.request(`/Counter/${name}/add`, {
          ...init,
          headers: { ...init.headers, "idempotency-key": name },
        })
      ).json,
      name,
    );
    assert.equal((await ingress.request(`/${name}/greet`, init)).status, 404);
    assert.equal((await ingress.request(`/Greeter/${name}`, init)).status, 404);
    for (const target of [`/services/${name}`, `/invocations/${name}`, `/deployments/${name}`])
      assert.ok((await admin.get(target)).status >= 400, target);
    assert.equal(
      (await admin.send("PUT", "/services/Counter/state/k", { entries: { [`${name}.`]: { [name]: 1 } } }))
        .status < 500,
      true,
    );
    assert.equal(isPolluted(), false, name);
  }
});

test("a handler's failure may carry such names: they are shown, and are no properties", async () => {
  const metadata = NAMES.map((name) => [name, "told"]);
  const { text } = await ingress.request("/Greeter/fail", { json: { code: 409, message: "no", metadata } });
  for (const name of NAMES) assert.ok(text.includes(`"${name}":"told"`), `${name}: ${text}`);
  assert.equal(isPolluted(), false);
});
