// The workflows of the benchmark with DBOS, behind an HTTP server that answers the same paths as the other contenders.
// Arguments: host and port to listen on, the address of the database, and whether this is a "new" start or one "again".

import { createServer } from "node:http";

import { DBOS } from "@dbos-inc/dbos-sdk";

import { startControl } from "../src/handlers/control.ts";
import { createResolver } from "../src/handlers/resolver.ts";
import { longRun } from "../src/handlers/timing.ts";

const FAN_CALLS = 100;
const RECEIVE_SECONDS_MAX = 3_600;

const [host = "", port = "", database = "", start = ""] = process.argv.slice(2);
process.on("disconnect", () => process.exit());

const control = await startControl();
const resolver = createResolver({ host, port: Number(port) });

const workflow = (name, run) => DBOS.registerWorkflow(run, { name });

const answer = workflow("answer", async () => "ok");
const empty = workflow("empty", async () => "ok");
const echo = workflow("echo", async (value) => value);
const relay = workflow("relay", async () => answer());
const note = workflow("note", async () => control.count("note"));

const nap = workflow("nap", async () => {
  await DBOS.sleepms(1);
  return "ok";
});

const fan = workflow("fan", async () => {
  // Starting one takes the next number of the parent's steps, so they are started in order and run together.
  const handles = [];
  for (let call = 0; call < FAN_CALLS; call++) handles.push(await DBOS.startWorkflow(answer)());
  const answers = await Promise.all(handles.map((handle) => handle.getResult()));
  return answers.filter((each) => each === "ok").length;
});

const wait = workflow("wait", async () => {
  const id = DBOS.workflowID;
  await DBOS.runStep(async () => resolver.resolve(id), { name: "publish" });
  return DBOS.recv("awakeable", RECEIVE_SECONDS_MAX);
});

const sleeper = workflow("sleeper", async ([ms, key]) => {
  await DBOS.sleepms(ms);
  control.count("woken", key);
});

const flow = workflow("flow", async (steps) => {
  let sum = 0;
  for (let step = 1; step <= steps; step++) sum += await DBOS.runStep(async () => step, { name: "step" });
  return sum;
});

const long = workflow("long", async (steps, key) => {
  const run = longRun(control, key, steps, start === "again");
  for (let step = 1; step <= steps; step++) {
    await DBOS.runStep(async () => step, { name: "step" });
    run.passed(step);
  }
  const id = DBOS.workflowID;
  await DBOS.runStep(async () => control.note(`awakeable ${key}`, id), { name: "publish" });
  return DBOS.recv("awakeable", RECEIVE_SECONDS_MAX);
});

const CALLS = { empty, echo, relay, nap, fan, wait };
const SENDS = { note, sleeper };

async function answerTo(path, body) {
  const [, service, second, third, fourth] = path.split("/");
  const input = body === "" ? [] : [JSON.parse(body)];
  if (service === "bench" && third === undefined) {
    // Not as a method: DBOS takes what a workflow is called on for an instance of a class of its own.
    const call = CALLS[second];
    return { status: 200, body: await call(...input) };
  }
  if (service === "bench" && third === "send") {
    const { workflowID } = await DBOS.startWorkflow(SENDS[second])(...input);
    return { status: 202, body: { invocationId: workflowID, status: "Accepted" } };
  }
  if (service === "flow" || service === "long") {
    const workflowID = `${service}-${second}`;
    const program = service === "flow" ? flow : long;
    const handle = await DBOS.startWorkflow(program, { workflowID })(...input, second);
    if (fourth === "send") return { status: 202, body: { invocationId: workflowID, status: "Accepted" } };
    return { status: 200, body: await handle.getResult() };
  }
  if (service === "restate" && second === "awakeables") {
    await DBOS.send(third, JSON.parse(body), "awakeable");
    return { status: 202, body: { status: "accepted" } };
  }
  return { status: 404, body: { message: `nothing is at ${path}` } };
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => void respond(request.url, Buffer.concat(chunks).toString(), response));
});

async function respond(path, body, response) {
  let result;
  try {
    result = await answerTo(path, body);
  } catch (error) {
    result = { status: 500, body: { message: String(error) } };
  }
  const text = Buffer.from(JSON.stringify(result.body ?? null));
  response.writeHead(result.status, { "content-type": "application/json", "content-length": text.length });
  response.end(text);
}

DBOS.setConfig({ name: "holdfast-bench", systemDatabaseUrl: database, logLevel: "warn" });
await DBOS.launch();
server.listen(Number(port), host, () => process.send?.({ controlPort: control.port }));
