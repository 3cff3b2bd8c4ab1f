/**
 * Golden traces: what each operation of a small story causes, completely. A trace that changes is to be understood before
 * it is committed: HOLDFAST_REWRITE_TRACES=1 npm test -- --only traces writes them anew.
 *
 * In a trace, "#" is a remark, ">" an operation, "!" an effect, and "+", "~", "-" a row that came, changed or went. Left out
 * are fields that change with nearly every record (modifiedAt and the like) and deployments' manifests.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import { bytesOf, object, service, workflow } from "./testing/handlers.ts";
import { World, type WorldOptions } from "./testing/world.ts";

const FOLDER = new URL("../traces/", import.meta.url);
const REWRITE = process.env["HOLDFAST_REWRITE_TRACES"] === "1";

const SERVICES = [
  service("mail", ["send"]),
  object("cart", ["add", "shared show"]),
  workflow("deploy", ["approve"]),
];

const told = new Set<string>();

/** A story whose trace is kept in a file of its name. */
function story(name: string, tell: (w: World) => void, options: WorldOptions = {}): void {
  told.add(`${name}.trace`);
  test(`the trace of ${name.replaceAll("-", " ")} is as it was`, () => {
    const world = new World({ services: SERVICES, ...options, traced: true });
    tell(world);
    world.restart();
    world.checkStore();
    const path = new URL(`${name}.trace`, FOLDER);
    const text = world.trace.text();
    if (REWRITE) writeFileSync(path, text);
    assert.ok(existsSync(path), `no trace of ${name}: write it with HOLDFAST_REWRITE_TRACES=1`);
    assert.equal(text, readFileSync(path, "utf8"));
  });
}

story("call-of-an-empty-handler", (w) => {
  w.trace.note("A caller outside, a handler that returns.");
  const id = w.invoke("mail/send", { as: "a", input: "hello" });
  w.attempt(id).return("sent");
});

story("steps", (w) => {
  const id = w.invoke("mail/send", { as: "a" });
  const a = w.attempt(id);
  w.trace.note("The result is recorded, then acknowledged; it is no delivery.");
  const step = a.run("smtp");
  a.propose(step, "250 ok");
  w.trace.note("A step fails, the SDK counts; the attempt after a crash learns the count.");
  const failing = a.run("report");
  a.stepFailed(failing, 1, 500);
  w.lose(id);
  w.advance(1_000);
  w.attempt(id).propose(failing, { code: 500, message: "gave up" });
  w.trace.note("Several commands and the end in one record.");
  const last = w.attempt(id);
  last.batch(() => {
    last.propose(last.run("archive"), "done");
    last.return("sent");
  });
});

story("sleep-and-suspension", (w) => {
  const id = w.invoke("mail/send", { as: "a" });
  w.attempt(id).suspend([w.attempt(id).sleep(60_000)], { signals: [1] });
  w.trace.note("A minute later.");
  w.advance(60_000);
  w.attempt(id).return("awake");
});

story("call-and-send", (w) => {
  const id = w.invoke("mail/send", { as: "caller" });
  const call = w.attempt(id).call("cart/ada/add", { as: "callee", input: "shoe" });
  w.attempt(id).sendTo("cart/ada/add", { as: "sent", delayMs: 5_000 });
  w.attempt(id).suspend([call.completionId]);
  w.trace.note("The callee's outcome wakes the caller.");
  w.attempt("callee").return("added");
  w.trace.note("A delayed send is moved, then starts.");
  w.attempt(id).reschedule("sent", 1_000);
  w.advance(1_000);
});

story("queue-of-an-object", (w) => {
  const [first, second, third] = ["first", "second", "third"].map((as) => w.invoke("cart/ada/add", { as }));
  w.trace.note("A shared handler does not queue.");
  w.invoke("cart/ada/show", { as: "reader" });
  w.attempt(first ?? "").set("items", "1");
  w.trace.note("Who gives up leaves a gap.");
  w.apply({ kind: "cancel", id: second ?? "" });
  w.trace.note("The lock passes on in the record that ends its holder, and the state with it.");
  w.attempt(first ?? "").return("added");
  w.attempt(third ?? "").clearAll();
  w.attempt(third ?? "").return("emptied");
});

story("workflow-with-a-promise", (w) => {
  const id = w.invoke("deploy/app/run");
  w.attempt(id).suspend([w.attempt(id).promise("approval")]);
  w.tryInvoke("deploy/app/run");
  const approver = w.attempt(w.invoke("deploy/app/approve", { as: "approver" }));
  approver.peek("approval");
  approver.resolve("approval", "yes");
  approver.resolve("approval", "no");
  w.trace.note("Whoever waits when the workflow ends is told that its promises are closed.");
  approver.suspend([approver.promise("never")]);
  w.attempt(id).return("live");
  w.apply({
    kind: "complete-promise",
    service: "deploy",
    key: "app",
    name: "never",
    result: { kind: "void" },
  });
});

story("awakeables-and-signals", (w) => {
  const id = w.invoke("mail/send", { as: "a" });
  w.attempt(id).suspend([], { signals: [17], namedSignals: [["paid", 0]] });
  w.signal(id, 17, "first");
  w.signal(id, 17, "second");
  w.trace.note("A signal that crosses the suspension starts the next attempt at once.");
  const attempt = w.attempt(id);
  w.signal(id, "paid", "yes");
  attempt.suspend([], { namedSignals: [["paid", 0]] });
});

story(
  "retries-until-paused",
  (w) => {
    const id = w.invoke("mail/send", { as: "a" });
    w.attempt(id).error("connection refused", { relatedCommandIndex: 1, relatedCommandName: "smtp" });
    w.advance(700);
    w.attempt(id).error("connection refused");
    w.trace.note("A delay of the handler's own is not counted, nor is an attempt that was lost.");
    w.advance(1_400);
    w.attempt(id).error("greylisted", { nextRetryDelayMs: 100 });
    w.advance(100);
    w.lose(id);
    w.advance(1_000);
    w.trace.note("The third failure that counts is the policy's last.");
    w.attempt(id).error("connection refused");
    w.must({ kind: "resume", id, deployment: undefined });
  },
  { services: [service("mail", ["send"], { retryPolicy: { maxAttempts: 3 } })] },
);

story("cancel-goes-down-the-tree", (w) => {
  const root = w.invoke("mail/send", { as: "root" });
  const below = w.attempt(root).call("mail/send", { as: "below" });
  w.invoke("cart/ada/add", { as: "busy" });
  const queued = w.attempt(below.id).call("cart/ada/add", { as: "queued" });
  w.attempt(below.id).suspend([queued.completionId], { signals: [1] });
  w.trace.note("Who waits is attempted, who is queued ends, who runs is told.");
  w.apply({ kind: "cancel", id: root });
  w.attempt("below").return({ code: 409, message: "cancelled" });
});

story("kill-of-a-tree", (w) => {
  const root = w.invoke("cart/ada/add", { as: "root" });
  w.invoke("cart/ada/add", { as: "next" });
  const below = w.attempt(root).call("mail/send", { as: "below" });
  w.attempt(below.id).error("no");
  w.apply({ kind: "kill", id: root });
  w.trace.note("What the dead still send is refused.");
  const zombie = w.attempt("root");
  zombie.batch(() => zombie.return("too late"));
});

story("pause-and-resume-elsewhere", (w) => {
  const id = w.invoke("mail/send", { as: "a" });
  const step = w.attempt(id).run("smtp");
  w.must({ kind: "pause", id });
  w.register(SERVICES, { id: "fixed" });
  w.must({ kind: "resume", id, deployment: "fixed" });
  w.attempt(id).propose(step, "sent");
  w.attempt(id).run("new here");
});

story("deadlock-of-two-objects", (w) => {
  const first = w.invoke("cart/ada/add", { as: "first" });
  const second = w.attempt(first).call("cart/bob/add", { as: "second" });
  w.attempt(first).suspend([second.completionId]);
  w.attempt("second").call("cart/ada/add", { as: "third" });
  w.attempt("second").return("found out");
});

story("restart-behind-a-prefix", (w) => {
  const id = w.invoke("mail/send", { as: "a", input: "hello" });
  const a = w.attempt(id);
  a.propose(a.run("charge"), "paid");
  a.propose(a.run("ship"), { code: 500, message: "no stock" });
  a.return({ code: 500, message: "no stock" });
  w.apply({ kind: "restart", id, newId: "again", fromCommand: 3, deployment: undefined });
  w.apply({ kind: "restart", id, newId: "again", fromCommand: 1, deployment: undefined });
});

story("retention", (w) => {
  const plain = w.invoke("mail/send", { as: "plain" });
  w.attempt(plain).return("sent");
  const keyed = w.invoke("mail/send", { idempotencyKey: "k" });
  w.attempt(keyed).return("sent");
  w.trace.note("To make room: the journal of what a key stands for, all of what nothing stands for.");
  w.must({ kind: "expire", ids: [plain, keyed], budget: true });
  w.trace.note("A day later.");
  w.advance(86_400_000);
  w.must({ kind: "expire", ids: [plain, keyed], budget: false });
  w.tryInvoke("mail/send", { idempotencyKey: "k" });
});

story("deployments", (w) => {
  w.register(SERVICES, { id: "same", url: "http://dp1" });
  const id = w.invoke("mail/send", { as: "a" });
  w.register([service("mail", ["send", "list"])], { id: "newer" });
  w.invoke("mail/send", { as: "b" });
  w.register([service("mail", ["list"])], { id: "less" });
  w.apply({ kind: "remove-deployment", id: "newer", force: false });
  w.attempt("b").return("sent");
  w.apply({ kind: "remove-deployment", id: "newer", force: false });
  w.attempt(id).return("sent");
});

story("attach", (w) => {
  const target = w.invoke("mail/send", { as: "target" });
  const a = w.attempt(w.invoke("mail/send", { as: "a" }));
  a.output(target);
  a.suspend([a.attach(target)]);
  w.attempt(target).return({ code: 404, message: "no such mailbox" });
  w.attempt("a").attach("nobody");
});

story("state", (w) => {
  const id = w.invoke("cart/ada/add", { as: "a" });
  const a = w.attempt(id);
  a.set("items", "1");
  a.set("items", "2");
  a.getLazy("items");
  a.getLazyKeys();
  a.clear("items");
  w.trace.note("Nobody changes the state under a handler that works on it.");
  const patch = {
    kind: "patch-state",
    service: "cart",
    key: "ada",
    entries: [["items", bytesOf("9")]],
  } as const;
  w.apply({ ...patch, expectedVersion: 3 });
  a.return("done");
  w.apply({ ...patch, expectedVersion: 3 });
  w.apply({ ...patch, expectedVersion: 3 });
});

test("no trace is left without its story", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".trace"));
  assert.deepEqual(
    files.filter((name) => !told.has(name)),
    [],
  );
});
