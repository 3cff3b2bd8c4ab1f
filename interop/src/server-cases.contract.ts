/** Handlers of Restate's SDK for TypeScript that servers are tried with, and what tests may let them do. */
import * as restate from "@restatedev/restate-sdk";

import { count } from "./scenarios.contract.ts";

/** Whether what fails is mended, by the name that the test gave. */
export const mended = new Set<string>();

const metadata = { one: "1", two: "2" };

const secret = restate.service({
  name: "secret",
  options: { ingressPrivate: true },
  handlers: { whisper: async (_ctx: restate.Context, text: string) => text },
});

export const desk = restate.service({
  name: "desk",
  options: {
    retryPolicy: { initialInterval: 5, maxInterval: 5, maxAttempts: 5, onMaxAttempts: "pause" },
  },
  handlers: {
    awakeable: async (ctx: restate.Context, name: string) => {
      const { id, promise } = ctx.awakeable<string>();
      ctx.objectSendClient(board, name).pin(id);
      return promise;
    },
    counted: async (ctx: restate.Context, name: string) => ctx.run("count", () => count(`desk/${name}`)),
    whisper: async (ctx: restate.Context, text: string) => ctx.serviceClient(secret).whisper(text),
    nap: async (ctx: restate.Context) => {
      await ctx.sleep(1);
      return "rested";
    },
    broken: async (ctx: restate.Context, name: string) => {
      if (!mended.has(name)) throw new Error("broken");
      return ctx.run("mended", () => "whole");
    },
    /** Its first step says how often it ran; then it fails until it is mended. */
    twice: async (ctx: restate.Context, name: string) => {
      const runs = await ctx.run("first", () => count(`twice/${name}`));
      if (!mended.has(name)) throw new restate.TerminalError("not yet");
      return runs;
    },
    refuse: async () => {
      throw new restate.TerminalError("refused", { errorCode: 422, metadata });
    },
    raw: restate.handlers.handler(
      { input: restate.serde.binary, output: restate.serde.binary, accept: "application/octet-stream" },
      async (_ctx: restate.Context, bytes: Uint8Array) => bytes,
    ),
  },
});

/** What others are told there, and what an operator wrote on it. */
const board = restate.object({
  name: "board",
  handlers: {
    pin: async (ctx: restate.ObjectContext, text: string) => {
      ctx.set("text", text);
    },
    read: restate.createObjectSharedHandler(async (ctx: restate.ObjectSharedContext) =>
      ctx.get<string>("text"),
    ),
  },
});

/** Says which version it is, before and after it waits. */
export function versioned(version: string) {
  const office = restate.object({
    name: "office",
    handlers: {
      wait: async (ctx: restate.ObjectContext, name: string) => {
        const { id, promise } = ctx.awakeable<string>();
        ctx.objectSendClient(board, name).pin(id);
        return [version, await promise, version];
      },
      version: restate.createObjectSharedHandler(async () => version),
    },
  });
  const repaired = restate.service({
    name: "repaired",
    options: {
      retryPolicy: { initialInterval: 5, maxInterval: 5, maxAttempts: 3, onMaxAttempts: "pause" },
    },
    handlers: {
      go: async () => {
        if (version === "v1") throw new Error("v1 is broken");
        return version;
      },
    },
  });
  return [office, repaired];
}

export const services = [desk, secret, board];
