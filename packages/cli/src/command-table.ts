/** Every command there is. Each is loaded when it is used, so that none makes the others start slower. */
import type { Command } from "./command.ts";

export type CommandEntry = {
  readonly name: string;
  readonly summary: string;
  /** Not in the help: for this program's own use. */
  readonly isHidden?: boolean;
} & ({ readonly load: () => Promise<Command> } | { readonly subcommands: readonly CommandEntry[] });

export type CommandGroup = { readonly title: string; readonly entries: readonly CommandEntry[] };

const deployments: readonly CommandEntry[] = [
  {
    name: "list",
    summary: "deployments, newest first, and whether invocations still use them",
    load: async () => (await import("./commands/deployments/list.ts")).list,
  },
  {
    name: "register",
    summary: "make the services at an address callable",
    load: async () => (await import("./commands/deployments/register.ts")).register,
  },
  {
    name: "describe",
    summary: "one deployment with its services",
    load: async () => (await import("./commands/deployments/describe.ts")).describe,
  },
  {
    name: "remove",
    summary: "forget a deployment that nothing uses any more",
    load: async () => (await import("./commands/deployments/remove.ts")).remove,
  },
];

const services: readonly CommandEntry[] = [
  {
    name: "list",
    summary: "services that can be called",
    load: async () => (await import("./commands/services/list.ts")).list,
  },
  {
    name: "describe",
    summary: "one service with its handlers, their options and how to call them",
    load: async () => (await import("./commands/services/describe.ts")).describe,
  },
];

const invocations: readonly CommandEntry[] = [
  {
    name: "list",
    summary: "invocations, newest first",
    load: async () => (await import("./commands/invocations/list.ts")).list,
  },
  {
    name: "describe",
    summary: "one invocation: what it waits for, its journal, its last failure",
    load: async () => (await import("./commands/invocations/describe.ts")).describe,
  },
  {
    name: "attach",
    summary: "wait for the outcome of an invocation",
    load: async () => (await import("./commands/invocations/attach.ts")).attach,
  },
  {
    name: "cancel",
    summary: "ask invocations to end; their handlers may clean up",
    load: async () => (await import("./commands/invocations/cancel.ts")).cancel,
  },
  {
    name: "kill",
    summary: "end invocations at once; nothing is cleaned up",
    load: async () => (await import("./commands/invocations/kill.ts")).kill,
  },
  {
    name: "pause",
    summary: "stop invocations until they are resumed",
    load: async () => (await import("./commands/invocations/pause.ts")).pause,
  },
  {
    name: "resume",
    summary: "let paused invocations go on, or retry now",
    load: async () => (await import("./commands/invocations/resume.ts")).resume,
  },
  {
    name: "restart",
    summary: "begin new invocations with the input of completed ones",
    load: async () => (await import("./commands/invocations/restart.ts")).restart,
  },
  {
    name: "purge",
    summary: "forget completed invocations, or only their journals",
    load: async () => (await import("./commands/invocations/purge.ts")).purge,
  },
  {
    name: "reschedule",
    summary: "move the start of invocations that have not started",
    load: async () => (await import("./commands/invocations/reschedule.ts")).reschedule,
  },
];

const state: readonly CommandEntry[] = [
  {
    name: "list",
    summary: "keys of an object or workflow that have state",
    load: async () => (await import("./commands/state/list.ts")).list,
  },
  {
    name: "get",
    summary: "the state of one key, or one entry of it",
    load: async () => (await import("./commands/state/get.ts")).get,
  },
  {
    name: "set",
    summary: "set single entries",
    load: async () => (await import("./commands/state/set.ts")).set,
  },
  {
    name: "patch",
    summary: "set and remove entries from a JSON document",
    load: async () => (await import("./commands/state/patch.ts")).patch,
  },
  {
    name: "clear",
    summary: "remove entries, or all of them",
    load: async () => (await import("./commands/state/clear.ts")).clear,
  },
];

const promises: readonly CommandEntry[] = [
  {
    name: "list",
    summary: "durable promises of one workflow run",
    load: async () => (await import("./commands/promises/list.ts")).list,
  },
  {
    name: "peek",
    summary: "what a promise has come to",
    load: async () => (await import("./commands/promises/peek.ts")).peek,
  },
  {
    name: "resolve",
    summary: "complete a promise with a value",
    load: async () => (await import("./commands/promises/resolve.ts")).resolve,
  },
  {
    name: "reject",
    summary: "complete a promise with a failure",
    load: async () => (await import("./commands/promises/reject.ts")).reject,
  },
];

export const commandGroups: readonly CommandGroup[] = [
  {
    title: "Run",
    entries: [
      {
        name: "dev",
        summary: "engine and your services file in one terminal, reloaded when you save",
        load: async () => (await import("./commands/dev.ts")).dev,
      },
      {
        name: "dev-services",
        summary: "the services file of dev, in a process of its own",
        isHidden: true,
        load: async () => (await import("./commands/dev-services.ts")).devServices,
      },
      {
        name: "query-process",
        summary: "where a server runs queries, in a process of its own",
        isHidden: true,
        load: async () => (await import("./commands/query-process.ts")).queryProcess,
      },
      {
        name: "serve",
        summary: "the server",
        load: async () => (await import("./commands/serve.ts")).serve,
      },
      {
        name: "doctor",
        summary: "read a data directory and prove that nothing is lost, or say what is",
        load: async () => (await import("./commands/doctor.ts")).doctor,
      },
    ],
  },
  {
    title: "Call",
    entries: [
      {
        name: "call",
        summary: "call a handler and print its result",
        load: async () => (await import("./commands/call.ts")).call,
      },
      {
        name: "send",
        summary: "have a handler called, now or later, and print the invocation's id",
        load: async () => (await import("./commands/send.ts")).send,
      },
    ],
  },
  {
    title: "Operate",
    entries: [
      { name: "deployments", summary: "versions of code that serve handlers", subcommands: deployments },
      { name: "services", summary: "what can be called", subcommands: services },
      { name: "invocations", summary: "calls under way and completed", subcommands: invocations },
      { name: "state", summary: "what objects and workflows remember", subcommands: state },
      { name: "promises", summary: "durable promises of workflows", subcommands: promises },
      {
        name: "sql",
        summary: "one SELECT over everything the engine knows",
        load: async () => (await import("./commands/sql.ts")).sql,
      },
      {
        name: "health",
        summary: "whether a server is well, and what it is doing",
        load: async () => (await import("./commands/health.ts")).health,
      },
      {
        name: "limits",
        summary: "every limit of a server",
        load: async () => (await import("./commands/limits.ts")).limits,
      },
      {
        name: "config",
        summary: "every setting of a server, and where it was set",
        load: async () => (await import("./commands/config.ts")).config,
      },
    ],
  },
  {
    title: "Other",
    entries: [
      {
        name: "version",
        summary: "versions of this program, and with --server of the server",
        load: async () => (await import("./commands/version.ts")).version,
      },
      {
        name: "help",
        summary: "help for a command",
        load: async () => (await import("./commands/help.ts")).help,
      },
    ],
  },
];

export const commandTable: readonly CommandEntry[] = commandGroups.flatMap(({ entries }) => entries);
