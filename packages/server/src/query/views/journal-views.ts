/** Journals: an entry a row, and what happened to invocations beside their journals. */
import type { Invocation, InvocationEvent } from "@holdfast/engine";
import { isCommandType, MessageType } from "@holdfast/protocol";

import { instantCell } from "../cell.ts";
import { entryJson, entryKind } from "../entry-json.ts";
import { eventJson, eventType } from "../event-json.ts";
import type { ReadEntry, ReadJournal } from "../journal-reader.ts";
import { defineView } from "../view.ts";
import { partitionKeyOfInvocation } from "./partition-key.ts";

type EntryRow = ReadEntry & { readonly journal: ReadJournal; readonly index: number };
type EventRow = {
  readonly event: InvocationEvent;
  readonly invocation: Readonly<Invocation>;
  readonly number: number;
};

/** Of Restate's journals: its tools ask for the shape of `entry_json` by it. */
const JOURNAL_VERSION = 2;

export const journalView = defineView<EntryRow>({
  name: "sys_journal",
  meaning: "Entries of journals.",
  columns: [
    {
      name: "partition_key",
      type: "unsigned",
      meaning: "first part of the id; for Restate's tools",
      read: ({ journal }) => partitionKeyOfInvocation(journal.invocation.id),
    },
    { name: "id", type: "text", meaning: "invocation whose journal it is", sql: "i.id" },
    { name: "index", type: "integer", meaning: "place in the journal, from 0", sql: "e.value" },
    {
      name: "entry_type",
      type: "text",
      meaning: '"Command: Run", "Notification: Run" and so on',
      read: ({ entry }) =>
        `${isCommandType(entry.type) ? "Command" : "Notification"}: ${entryKind(entry.type)}`,
    },
    { name: "name", type: "text", meaning: "name that the handler gave the command", read: nameOf },
    {
      name: "completed",
      type: "boolean",
      meaning: "whether a command that waits for something has it; NULL for others",
      read: ({ message, entry, journal }) =>
        isCommandType(entry.type) && message !== undefined && "completionId" in message
          ? journal.isCompleted(message.completionId)
          : undefined,
    },
    {
      name: "invoked_id",
      type: "text",
      meaning: "invocation that a call or send made",
      read: ({ message, journal }) =>
        message !== undefined && "invocationIdCompletionId" in message
          ? journal.invocationId(message.invocationIdCompletionId)
          : undefined,
    },
    {
      name: "invoked_target",
      type: "text",
      meaning: "target of a call or send",
      read: ({ message }) =>
        message?.type === MessageType.Call || message?.type === MessageType.OneWayCall
          ? [message.service, message.key, message.handler].filter((part) => part !== "").join("/")
          : undefined,
    },
    {
      name: "sleep_wakeup_at",
      type: "instant",
      meaning: "when a sleep ends",
      read: ({ message }) =>
        message?.type === MessageType.Sleep ? instantCell(message.wakeUpAt) : undefined,
    },
    { name: "promise_name", type: "text", meaning: "promise that the command is about", read: promiseOf },
    { name: "raw", type: "binary", meaning: "the entry as it is stored", read: ({ entry }) => entry.body },
    {
      name: "raw_length",
      type: "integer",
      meaning: "its length in bytes",
      read: ({ entry }) => entry.body.length,
    },
    { name: "version", type: "integer", meaning: "always 2", sql: String(JOURNAL_VERSION) },
    {
      name: "entry_json",
      type: "text",
      meaning: "the entry as JSON; bytes are lists of numbers",
      read: (row) => entryJson(row, "whole"),
    },
    {
      name: "entry_lite_json",
      type: "text",
      meaning: "the same without payloads",
      read: (row) => entryJson(row, "lite"),
    },
    {
      name: "appended_at",
      type: "instant",
      meaning: "when it was recorded",
      read: ({ entry }) => instantCell(entry.at),
    },
  ],
  branches: { whole: { from: "main.invocations AS i, json_each(holdfast_entries(i.number)) AS e" } },
  row: ["i.number", "e.value"],
  find: (snapshot, number, at) => {
    const journal = snapshot.journal(Number(number));
    const index = Number(at);
    return { ...journal.at(index), journal, index };
  },
});

export const journalEventView = defineView<EventRow>({
  name: "sys_journal_events",
  meaning: "What happened to invocations beside their journals; the same thing again and again is one row.",
  columns: [
    {
      name: "partition_key",
      type: "unsigned",
      meaning: "first part of the id; for Restate's tools",
      read: ({ invocation }) => partitionKeyOfInvocation(invocation.id),
    },
    { name: "id", type: "text", meaning: "invocation", sql: "i.id" },
    {
      name: "after_journal_entry_index",
      type: "integer",
      meaning: "last entry of the journal then",
      read: ({ event }) => Math.max(0, event.afterEntry - 1),
    },
    {
      name: "appended_at",
      type: "instant",
      meaning: "when it happened, the last time",
      read: ({ event }) => instantCell(event.at),
    },
    {
      name: "event_type",
      type: "text",
      meaning: "TransientError (a failed attempt), Paused, Resumed or CancelRequested",
      read: ({ event }) => eventType(event),
    },
    {
      name: "event_json",
      type: "text",
      meaning: "what is known of it, as JSON",
      read: ({ event, invocation, number }, snapshot) =>
        eventJson(event, invocation, (commandIndex) => snapshot.journal(number).command(commandIndex)),
    },
  ],
  branches: { whole: { from: "main.invocations AS i, json_each(holdfast_events(i.number)) AS e" } },
  row: ["i.number", "e.value"],
  find: (snapshot, number, at) => {
    const invocation = snapshot.invocation(Number(number));
    const event = invocation.events[Number(at)];
    if (event === undefined) throw new Error(`${invocation.id} has no event ${at}`);
    return { event, invocation, number: Number(number) };
  },
});

function nameOf({ message }: EntryRow): string | undefined {
  if (message === undefined) return undefined;
  if (message.type === MessageType.Signal) return message.signalName;
  return "name" in message ? message.name : undefined;
}

function promiseOf({ message }: EntryRow): string | undefined {
  switch (message?.type) {
    case MessageType.GetPromise:
    case MessageType.PeekPromise:
    case MessageType.CompletePromise:
      return message.key;
    default:
      return undefined;
  }
}

/** The numbers from 0 on, as JSON: for `json_each`, which makes rows of them. */
export function numbersBelow(count: number): string {
  return JSON.stringify(Array.from({ length: count }, (_, index) => index));
}
