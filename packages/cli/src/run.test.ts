import assert from "node:assert/strict";
import { test } from "node:test";

import { runHere } from "./testing/run-here.contract.ts";

/** Nothing listens there, and nothing may: it is the port of tcpmux. */
const NOWHERE = { HOLDFAST_ADMIN_URL: "http://127.0.0.1:1", HOLDFAST_INGRESS_URL: "http://127.0.0.1:1" };

test("without a command, and with --help, the commands are listed on stdout", async () => {
  const bare = await runHere([]);
  assert.equal(bare.code, 0);
  assert.match(bare.stdout, /invocations +calls under way/);
  assert.ok(!bare.stdout.includes("dev-services"));
  assert.equal((await runHere(["--help"])).stdout, bare.stdout);
  assert.equal((await runHere(["help"])).stdout, bare.stdout);
});

test("help knows groups and commands, and is the same however it is asked for", async () => {
  const group = await runHere(["help", "state"]);
  assert.match(group.stdout, /Usage {2}holdfast state <command>/);
  assert.equal((await runHere(["state", "--help"])).stdout, group.stdout);
  const command = await runHere(["help", "invocations", "cancel"]);
  assert.match(command.stdout, /Examples\n {2}# one/);
  assert.equal((await runHere(["invocations", "cancel", "-h"])).stdout, command.stdout);
});

test("help is data with --json", async () => {
  const all = JSON.parse((await runHere(["help", "--json"])).stdout);
  assert.ok(all.commands.some(({ name }: { name: string }) => name === "serve"));
  const one = JSON.parse((await runHere(["help", "call", "--json"])).stdout);
  assert.equal(one.name, "call");
  assert.ok(one.options.some(({ name }: { name: string }) => name === "idempotency-key"));
  const group = JSON.parse((await runHere(["help", "state", "--json"])).stdout);
  assert.equal(group.commands.length, 5);
});

test("a mistake in the words ends with 2, on stderr, with what was probably meant", async () => {
  for (const [words, expected] of [
    [["invocatons", "list"], /Did you mean "invocations"\?/],
    [["deployments", "regster"], /Did you mean "register"\?/],
    [["deploy"], /Did you mean "deployments"\?/],
    [["invocations"], /needs a command/],
    [["help", "sate"], /Did you mean "state"\?/],
    [["call", "a/b", "--idempotency"], /Did you mean "--idempotency-key"\?/],
    [["call", "greeter"], /addresses no handler/],
    [["call", "greeter/greet", "Ada"], /'"Ada"'/],
    [["call", "greeter/greet", '{"a":1'], /single quotes/],
    [["call", "greeter/greet", "@/no/such/file"], /cannot be read: ENOENT/],
    [["call", "greeter/greet", '{"$date":"never"}'], /The input cannot be read/],
    [["send", "a/b", "--delay", "soon"], /not a duration/],
    [["send", "a/b", "--header", "x"], /name: value/],
    [["state", "get", "counter"], /no address of an object/],
    [["state", "set", "counter/a", "count"], /name=json/],
    [["state", "set", "counter/a", "count=x"], /The value of count is not JSON/],
    [["state", "patch", "counter/a", "[1]"], /not a JSON object/],
    [["invocations", "list", "--status", "pausd"], /Did you mean "paused"\?/],
    [["invocations", "list", "--limit", "0"], /not a whole number from 1/],
    [["invocations", "cancel"], /needs to know which/],
    [["invocations", "kill", "inv_1a", "greeter"], /Ids select single invocations/],
    [["invocations", "kill", "greeter", "counter"], /two addresses/],
    [["invocations", "kill", "inv_1a", "inv_1b"], /nobody to ask: Kill 2 invocations\?/],
    [["invocations", "reschedule", "inv_1a", "--at", "soon"], /not a time/],
    [["invocations", "reschedule", "inv_1a", "--delay", "1d", "--at", "2030-01-01"], /not both/],
    [["deployments", "list", "--admin-url", "localhost:9070"], /no http address/],
    [["serve", "--ingress-port", "70000"], /not a port/],
    [["serve", "--set", "ingress.prt=1"], /Did you mean "ingress.port"\?/],
  ] as const) {
    const { code, stdout, stderr } = await runHere(words, { variables: NOWHERE });
    assert.equal(code, 2, `${words.join(" ")}: ${stderr}`);
    assert.equal(stdout, "");
    assert.match(stderr, expected);
    assert.match(stderr, /^Error: .+\n(.*\n)*Hint: +.+\n(.*\n)*Code: +\S+/);
  }
});

test("a server that is not there is exit code 5", async () => {
  for (const words of [
    ["deployments", "list"],
    ["call", "a/b"],
    ["health"],
    ["invocations", "kill", "inv_1a"],
  ]) {
    const { code, stderr } = await runHere(words, { variables: NOWHERE });
    assert.equal(code, 5, stderr);
    assert.match(stderr, /no answer from http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED/);
  }
});

test("with --json an error is one JSON line on stderr", async () => {
  const { code, stdout, stderr } = await runHere(["services", "list", "--json"], { variables: NOWHERE });
  assert.equal(stdout, "");
  const failure = JSON.parse(stderr);
  assert.equal(failure.error, "unreachable");
  assert.equal(failure.exitCode, code);
  assert.ok(failure.hint.length > 0);
});

test("colours are for terminals that want them", async () => {
  const escape = "\u001b[";
  assert.ok(!(await runHere(["help"])).stdout.includes(escape));
  assert.ok((await runHere(["help"], { isTerminal: true })).stdout.includes(escape));
  for (const variables of [{ NO_COLOR: "1" }, { TERM: "dumb" }] as const) {
    assert.ok(!(await runHere(["help"], { isTerminal: true, variables })).stdout.includes(escape));
  }
  assert.ok(!(await runHere(["help", "--no-color"], { isTerminal: true })).stdout.includes(escape));
  const { stderr } = await runHere(["nonsense"], { isTerminal: true });
  assert.ok(stderr.startsWith(`${escape}31mError:`));
});

test("the version needs no server", async () => {
  const { code, stdout } = await runHere(["version"], { variables: NOWHERE });
  assert.equal(code, 0);
  assert.match(stdout, /^holdfast \d+\.\d+\.\d+ \(node\//);
  assert.equal((await runHere(["--version"])).stdout, stdout);
  assert.equal((await runHere(["version", "--server"], { variables: NOWHERE })).code, 5);
});

test("on a terminal what cannot be taken back is asked, and only a yes is one", async () => {
  const words = ["invocations", "kill", "inv_1a", "inv_1b"];
  for (const stdin of ["", "n\n", "\n", "yesterday\n"]) {
    const { code, stdout, stderr } = await runHere(words, { variables: NOWHERE, isTerminal: true, stdin });
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /^Kill 2 invocations\? \S*\[y\/N\]\S* Nothing was done\.\n$/);
  }
  for (const stdin of ["y\n", "YES\n"]) {
    const { code } = await runHere(words, { variables: NOWHERE, isTerminal: true, stdin });
    assert.equal(code, 5, "it went on, to a server that is not there");
  }
  const asJson = await runHere([...words, "--json"], { variables: NOWHERE, isTerminal: true, stdin: "y\n" });
  assert.equal(asJson.code, 2);
});
