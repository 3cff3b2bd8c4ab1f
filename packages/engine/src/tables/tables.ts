/** All tables of a partition, their keys, and what is derived from them in memory. */
import type { HandlerManifest, HandlerOptions, ServiceManifest } from "@holdfast/protocol";

import { must } from "../assert.ts";
import { decodeInvocation, encodeInvocation } from "../codec/invocation-codec.ts";
import { chunkKey, decodeChunk, encodeChunk } from "../codec/journal-codec.ts";
import {
  decodeDeployment,
  decodeInbox,
  decodeMeta,
  decodeObject,
  decodeTimer,
  encodeDeployment,
  encodeInbox,
  encodeMeta,
  encodeObject,
  encodeTimer,
} from "../codec/row-codec.ts";
import { defaultFoldSettings, type FoldSettings } from "../limits.ts";
import type {
  DeploymentRow,
  HandlerSettings,
  InboxRow,
  Invocation,
  InvocationStatus,
  JournalEntry,
  MetaRow,
  ObjectRow,
  TimerRow,
} from "./rows.ts";
import { Table, type RowSource, type RowWrite } from "./table.ts";

/** Columns by which invocations can be found without decoding rows. Times are epoch milliseconds; `undefined` is NULL. */
export type InvocationColumns = {
  readonly status: string;
  readonly service: string;
  readonly handler: string;
  readonly key: string;
  readonly deployment: string;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly completedAt: number | undefined;
  /** When retention allows the row to be removed; `undefined` while it must be kept. */
  readonly expiresAt: number | undefined;
  /** Bytes of row and journal, for the disk budget. */
  readonly size: number;
};

export type CheckpointWrite = RowWrite & { readonly columns?: InvocationColumns };

/** The newest revision of a service: what new invocations of it run on. */
export type ServiceRow = {
  readonly manifest: ServiceManifest;
  readonly deployment: string;
  readonly revision: number;
  readonly handlers: ReadonlyMap<string, HandlerManifest>;
  /** It is served by one of Restate's SDKs: what it takes and gives is told by its rules, and need not be JSON. */
  readonly isRestates: boolean;
};

/** Separates the parts of a key. Names of services and handlers never contain it; keys may, and are always the last part. */
const SEPARATOR = "\u0000";
/** Behind every key that has a given prefix. */
const AFTER_PREFIX = "\uffff";
const META_KEY = "partition";

export function objectKey(service: string, key: string): string {
  return service + SEPARATOR + key;
}

export function splitObjectKey(objectKeyText: string): { service: string; key: string } {
  const at = objectKeyText.indexOf(SEPARATOR);
  return { service: objectKeyText.slice(0, at), key: objectKeyText.slice(at + 1) };
}

/** Inbox rows sort by object and then by sequence number; the number comes first in its part so that any key works. */
export function inboxKey(object: string, seq: number): string {
  return `${object}${SEPARATOR}${String(seq).padStart(12, "0")}`;
}

/** Sorts as (due, seq). Due times reach to the year 318857. */
export function timerKey(due: number, seq: number): string {
  return `${String(due).padStart(16, "0")}-${String(seq).padStart(15, "0")}`;
}

export function timerDue(key: string): number {
  return Number(key.slice(0, 16));
}

export class Tables {
  readonly invocations: Table<Invocation, CheckpointWrite>;
  readonly objects: Table<ObjectRow, CheckpointWrite>;
  readonly inbox: Table<InboxRow, CheckpointWrite>;
  readonly timers: Table<TimerRow, CheckpointWrite>;
  readonly deployments: Table<DeploymentRow, CheckpointWrite>;
  readonly #meta: Table<MetaRow, CheckpointWrite>;
  readonly #source: RowSource;
  /** Journal chunks that a removed invocation left; deleted with the next checkpoint. */
  readonly #journal: Table<never, CheckpointWrite>;
  #services = new Map<string, ServiceRow>();
  /** By deployment, service and handler: asked for twice a call, and joining the names would cost more than the rest. */
  readonly #handlerSettings = new Map<string, Map<string, Map<string, HandlerSettings>>>();
  #settings: FoldSettings = defaultFoldSettings;

  constructor(source: RowSource) {
    this.#source = source;
    this.invocations = invocationTable(source);
    this.objects = simpleTable(source, "objects", encodeObject, decodeObject);
    this.inbox = simpleTable(source, "inbox", encodeInbox, decodeInbox);
    this.timers = simpleTable(source, "timers", encodeTimer, decodeTimer);
    this.deployments = simpleTable(source, "deployments", encodeDeployment, decodeDeployment, () => true);
    this.#meta = simpleTable(source, "meta", encodeMeta, decodeMeta, () => true);
    this.#journal = journalTable(source);
    if (this.#meta.get(META_KEY) === undefined) {
      this.#meta.insert(META_KEY, { now: 0, nextTimerSeq: 1, epoch: 0, settingsJson: "" });
    }
    const { settingsJson } = must(this.#meta.get(META_KEY), "meta row");
    if (settingsJson !== "") this.#settings = JSON.parse(settingsJson) as FoldSettings;
    for (const [key] of this.#source.scan("deployments", "", AFTER_PREFIX, 100_000))
      this.deployments.get(key);
    this.refreshServices();
  }

  get meta(): Readonly<MetaRow> {
    return must(this.#meta.peek(META_KEY), "meta row");
  }

  editMeta(): MetaRow {
    return this.#meta.edit(META_KEY);
  }

  get settings(): FoldSettings {
    return this.#settings;
  }

  setSettings(settings: FoldSettings): void {
    const settingsJson = JSON.stringify(settings);
    // As the log and the store will give it back, should there be anything in it that JSON cannot say.
    this.#settings = JSON.parse(settingsJson) as FoldSettings;
    this.#handlerSettings.clear();
    this.editMeta().settingsJson = settingsJson;
  }

  get services(): ReadonlyMap<string, ServiceRow> {
    return this.#services;
  }

  service(name: string): ServiceRow | undefined {
    return this.#services.get(name);
  }

  /** Rebuilds what is derived from the deployments. */
  refreshServices(): void {
    const services = new Map<string, ServiceRow>();
    for (const [, row] of this.deployments.loaded()) {
      if (row === undefined) continue;
      for (const service of row.manifest.services) {
        const revision = row.revisions[service.name] ?? 0;
        const known = services.get(service.name);
        if (known !== undefined && known.revision >= revision) continue;
        const manifest = asConfigured(row, service);
        const handlers = new Map(manifest.handlers.map((handler) => [handler.name, handler]));
        const isRestates = row.manifest.restate !== undefined;
        services.set(manifest.name, { manifest, deployment: row.id, revision, handlers, isRestates });
      }
    }
    this.#services = services;
    this.#handlerSettings.clear();
  }

  /** What holds for a handler on a deployment: what an operator set, then handler, then service, then the engine's defaults. */
  handlerSettings(deployment: string | undefined, service: string, handler: string): HandlerSettings {
    const cached = mapIn(mapIn(this.#handlerSettings, deployment ?? ""), service);
    const known = cached.get(handler);
    if (known !== undefined) return known;
    const pinned = deployment === undefined ? undefined : this.deployments.peek(deployment);
    const manifest = (pinned && configuredService(pinned, service)) ?? this.service(service)?.manifest;
    const handlerManifest = manifest?.handlers.find((candidate) => candidate.name === handler);
    const settings = resolveSettings(handlerManifest ?? {}, manifest ?? {}, this.#settings);
    cached.set(handler, settings);
    return settings;
  }

  /** What a manifest comes to with the engine's defaults: of a service, or of one handler of it. */
  settingsOf(service: ServiceManifest, handler: HandlerOptions = {}): HandlerSettings {
    return resolveSettings(handler, service, this.#settings);
  }

  /** The whole journal, or its first `limit` entries. Reads the store for what is no longer in memory. */
  journal(row: Readonly<Invocation>, limit: number = row.journalLength): JournalEntry[] {
    const stored = row.journalLength - row.tail.length;
    const entries: JournalEntry[] = [];
    for (const first of row.chunks) {
      if (first >= stored || entries.length >= limit) break;
      const value = must(
        this.#source.get("journal", chunkKey(row.id, first)),
        `journal chunk ${row.id}/${first}`,
      );
      for (const entry of decodeChunk(value)) entries.push(entry);
    }
    for (const entry of row.tail) entries.push(entry);
    return entries.length > limit ? entries.slice(0, limit) : entries;
  }

  /** Removes an invocation and all that is stored of its journal. */
  removeInvocation(id: string): void {
    this.removeJournal(id);
    this.invocations.delete(id);
  }

  /** Removes the journal and keeps the outcome. */
  removeJournal(id: string): void {
    // `edit` first: a checkpoint in progress then has its chunk written and listed, so that it is deleted by the next one.
    const row = this.invocations.edit(id);
    for (const first of row.chunks) this.#journal.delete(chunkKey(id, first));
    row.chunks.length = 0;
    row.tail = [];
    row.storing = 0;
    row.journalLength = 0;
    row.journalBytes = 0;
    row.commandCount = 0;
  }

  /** A record is going to be applied. */
  begin(): void {
    this.invocations.begin();
    this.objects.begin();
  }

  /** The record has been applied. */
  end(): void {
    this.invocations.end();
    this.objects.end();
  }

  get dirtyCount(): number {
    return (
      this.invocations.dirtyCount + this.objects.dirtyCount + this.timers.dirtyCount + this.inbox.dirtyCount
    );
  }

  #all(): Array<Table<never, CheckpointWrite>> {
    const tables = [
      this.#journal,
      this.invocations,
      this.objects,
      this.inbox,
      this.timers,
      this.deployments,
      this.#meta,
    ];
    return tables as unknown as Array<Table<never, CheckpointWrite>>;
  }

  freeze(): void {
    for (const table of this.#all()) table.freeze();
  }

  /** Encodes up to about so many frozen rows and bytes; true when everything is encoded. */
  encodeFrozen(rows: number, bytes = Number.POSITIVE_INFINITY): boolean {
    const budget = { rows, bytes };
    return this.#all().every((table) => table.encodeFrozen(budget));
  }

  frozenWrites(): CheckpointWrite[] {
    const writes: CheckpointWrite[] = [];
    for (const table of this.#all()) for (const write of table.frozenWrites()) writes.push(write);
    return writes;
  }

  /** Lets go of up to `limit` rows of each table; true when all are done. */
  thaw(limit = Number.POSITIVE_INFINITY): boolean {
    return this.#all().every((table) => table.thaw(limit));
  }
}

/** A service of a deployment, with what an operator set in place of what its manifest says. */
function configuredService(row: Readonly<DeploymentRow>, name: string): ServiceManifest | undefined {
  const service = row.manifest.services.find((candidate) => candidate.name === name);
  return service === undefined ? undefined : asConfigured(row, service);
}

function asConfigured(row: Readonly<DeploymentRow>, service: ServiceManifest): ServiceManifest {
  const overrides = Object.hasOwn(row.overrides, service.name) ? row.overrides[service.name] : undefined;
  if (overrides === undefined) return service;
  const handlers = service.handlers.map((handler) => ({ ...handler, ...overrides }));
  return { ...service, ...overrides, handlers };
}

function resolveSettings(
  handler: HandlerOptions,
  service: HandlerOptions,
  defaults: FoldSettings,
): HandlerSettings {
  return {
    retryPolicy: {
      ...defaults.retryPolicy,
      ...said(service.retryPolicy ?? {}),
      ...said(handler.retryPolicy ?? {}),
    },
    inactivityTimeoutMs:
      handler.inactivityTimeoutMs ?? service.inactivityTimeoutMs ?? defaults.inactivityTimeoutMs,
    abortTimeoutMs: handler.abortTimeoutMs ?? service.abortTimeoutMs ?? defaults.abortTimeoutMs,
    journalRetentionMs:
      handler.journalRetentionMs ?? service.journalRetentionMs ?? defaults.journalRetentionMs,
    idempotencyRetentionMs:
      handler.idempotencyRetentionMs ?? service.idempotencyRetentionMs ?? defaults.idempotencyRetentionMs,
    workflowRetentionMs:
      handler.workflowRetentionMs ?? service.workflowRetentionMs ?? defaults.workflowRetentionMs,
    lazyState: handler.lazyState ?? service.lazyState ?? false,
    ingressPrivate: handler.ingressPrivate ?? service.ingressPrivate ?? false,
  };
}

/** The map under a key of a map of maps, made when there is none. */
function mapIn<Key, Value>(maps: Map<string, Map<Key, Value>>, key: string): Map<Key, Value> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const created = new Map<Key, Value>();
  maps.set(key, created);
  return created;
}

/** Without what is there and says nothing: JSON makes `null` of an infinite number. */
function said<T extends object>(options: T): Partial<T> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as Partial<T>;
}

function simpleTable<Row>(
  source: RowSource,
  name: string,
  encode: (row: Row) => Uint8Array,
  decode: (value: Uint8Array) => Row,
  isPinned: (row: Row) => boolean = () => false,
): Table<Row, CheckpointWrite> {
  return new Table<Row, CheckpointWrite>(source, {
    name,
    decode,
    encode: (key, row, writes) => writes.push({ table: name, key, value: encode(row) }),
    encodeDelete: (key, writes) => writes.push({ table: name, key, value: undefined }),
    isPinned,
  });
}

/** Chunks are written by their invocation and read through `Tables.journal`; this table only remembers which to delete. */
function journalTable(source: RowSource): Table<never, CheckpointWrite> {
  return new Table<never, CheckpointWrite>(source, {
    name: "journal",
    decode: () => must<never>(undefined, "journal chunks are not read as rows"),
    encode: () => must<never>(undefined, "journal chunks are not written as rows"),
    encodeDelete: (key, writes) => writes.push({ table: "journal", key, value: undefined }),
  });
}

function invocationTable(source: RowSource): Table<Invocation, CheckpointWrite> {
  return new Table<Invocation, CheckpointWrite>(source, {
    name: "invocations",
    decode: decodeInvocation,
    encode: (key, row, writes) => {
      if (row.tail.length > 0) {
        const first = row.journalLength - row.tail.length;
        row.chunks.push(first);
        writes.push({ table: "journal", key: chunkKey(key, first), value: encodeChunk(row.tail) });
        row.storing = row.tail.length;
      }
      writes.push({ table: "invocations", key, value: encodeInvocation(row), columns: columnsOf(row) });
    },
    encodeDelete: (key, writes) => writes.push({ table: "invocations", key, value: undefined }),
    isPinned: (row) => row.status === "running",
    sealing: {
      // Entries that a checkpoint in progress is storing are neither in the store nor to be written again: not yet.
      isAtRest: ({ status, storing }) => storing === 0 && RESTING.has(status),
      unseal: unsealInvocation,
    },
    onStored: (row) => {
      if (row.storing === 0) return;
      row.tail.splice(0, row.storing);
      row.storing = 0;
    },
  });
}

/** Nothing happens to these for a while, as a rule. */
const RESTING: ReadonlySet<InvocationStatus> = new Set(["scheduled", "suspended", "paused", "completed"]);

function unsealInvocation(_key: string, writes: readonly CheckpointWrite[], encoded: boolean): Invocation {
  const row = decodeInvocation(must(writes.at(-1)?.value, "sealed invocation"));
  const chunk = writes.length > 1 ? writes[0]?.value : undefined;
  if (chunk === undefined) return row;
  row.tail = decodeChunk(chunk);
  if (encoded) row.storing = row.tail.length;
  else row.chunks.pop();
  return row;
}

export function columnsOf(row: Readonly<Invocation>): InvocationColumns {
  return {
    status: row.status,
    service: row.target.service,
    handler: row.target.handler,
    key: row.target.key,
    deployment: row.deployment ?? "",
    createdAt: row.createdAt,
    modifiedAt: row.modifiedAt,
    completedAt: row.completedAt === 0 ? undefined : row.completedAt,
    expiresAt: row.expiresAt === 0 ? undefined : row.expiresAt,
    size: row.journalBytes + 256,
  };
}
