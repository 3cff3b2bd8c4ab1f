import type { Command, Config } from "./config.ts";
import { sendCommand, type ControlAnswer } from "./control/control-client.ts";
import { readRunFacts } from "./data-lock.ts";
import { properties } from "./durable/schema.ts";

export type RemoteCommand = Extract<Command, { readonly kind: "deploy" | "roll back" | "status" }>;

/** Has the Slipway that runs carry out a command, and prints its answer. Returns the exit code. */
export async function runRemoteCommand(
  config: Config,
  command: RemoteCommand,
  print: (text: string) => void,
): Promise<number> {
  const control = readRunFacts(config.dataDirectory)?.control;
  const answer = control === undefined ? undefined : await send(control, command);
  if (answer === undefined) {
    print(`Slipway does not run on ${config.dataDirectory}. Start it in another terminal: npm start`);
    return 1;
  }
  for (const line of answer.ok ? describe(command, answer.body) : failure(answer.body)) print(line);
  return answer.ok ? 0 : 1;
}

async function send(control: string, command: RemoteCommand): Promise<ControlAnswer | undefined> {
  try {
    switch (command.kind) {
      case "deploy":
        return await sendCommand(control, "POST", "/deploy", { directory: command.directory });
      case "roll back":
        return await sendCommand(
          control,
          "POST",
          "/rollback",
          command.app === undefined ? {} : { app: command.app },
        );
      case "status":
        return await sendCommand(control, "GET", "/status");
    }
  } catch (error) {
    // What an ended run left behind leads nowhere.
    if (properties(error)["code"] === "ECONNREFUSED") return undefined;
    throw error;
  }
}

function describe(command: RemoteCommand, body: Readonly<Record<string, unknown>>): readonly string[] {
  switch (command.kind) {
    case "deploy":
      return [`${body["deployment"]} (#${body["number"]}) is live: ${body["url"]}`];
    case "roll back": {
      if (body["kind"] !== "switched") return [`${body["host"]} had been switched already.`];
      const { to, from } = properties(body["made"]);
      return [`${body["url"]} leads to ${to} again, in place of ${from}.`];
    }
    case "status":
      return [JSON.stringify(body, null, 2)];
  }
}

function failure({ error, lastLines }: Readonly<Record<string, unknown>>): readonly string[] {
  const lines = Array.isArray(lastLines) ? lastLines.map((line) => `  | ${line}`) : [];
  return [String(error), ...lines];
}
