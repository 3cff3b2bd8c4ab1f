/**
 * What a handler waits for as Restate's SDKs say it from version 7 of their protocol on: a tree whose leaves are completions
 * and signals, and whose nodes say how the children are combined. Here it is read as its leaves: nothing else can make
 * the tree end.
 */
import { MessageType, type SuspensionMessage } from "./message.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ProtocolError } from "./protocol-error.ts";

/** Futures within futures. */
export const FUTURE_DEPTH_MAX = 100;

const sharedReader = new ProtobufReader();

type Leaves = {
  readonly completions: Set<number>;
  readonly signals: Set<number>;
  readonly names: Set<string>;
};

/** The body of a Suspension of version 7, as what it waits for any of; each leaf once. Throws nothing but ProtocolError. */
export function readRestateSuspension(body: Uint8Array): SuspensionMessage {
  const leaves: Leaves = { completions: new Set(), signals: new Set(), names: new Set() };
  const reader = sharedReader;
  reader.open(body);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 4) readFuture(reader, leaves, 1);
    else reader.skip();
  }
  reader.close();
  const { completions, signals, names } = leaves;
  if (completions.size + signals.size + names.size === 0)
    throw new ProtocolError("field-missing", "Suspension waits for nothing");
  return {
    type: MessageType.Suspension,
    completions: [...completions],
    signals: [...signals],
    namedSignals: [...names].map((name) => [name, 0] as const),
  };
}

function readFuture(reader: ProtobufReader, leaves: Leaves, depth: number): void {
  if (depth > FUTURE_DEPTH_MAX) {
    throw new ProtocolError(
      "nested-too-deep",
      `Suspension waits for promises that are combined in more than ${FUTURE_DEPTH_MAX} levels; combine them in fewer`,
    );
  }
  const outer = reader.enter();
  const completions: number[] = [];
  const signals: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) reader.uint32List(completions);
    else if (field === 2) reader.uint32List(signals);
    else if (field === 3) leaves.names.add(reader.string());
    else if (field === 4) readFuture(reader, leaves, depth + 1);
    else reader.skip();
  }
  reader.leave(outer);
  for (const id of completions) leaves.completions.add(id);
  for (const index of signals) leaves.signals.add(index);
}

const TARGET_SCOPES: ReadonlyMap<number, number> = new Map([
  [3, 5],
  [4, 3],
]);

/** Where commands of version 7 ask for a scope or a limit key: a field (0), or a field of the message in a field. */
const SCOPE_FIELDS: ReadonlyMap<number, ReadonlyMap<number, number>> = new Map<
  number,
  ReadonlyMap<number, number>
>([
  [
    MessageType.Call,
    new Map([
      [7, 0],
      [8, 0],
    ]),
  ],
  [
    MessageType.OneWayCall,
    new Map([
      [8, 0],
      [9, 0],
    ]),
  ],
  [MessageType.AttachInvocation, TARGET_SCOPES],
  [MessageType.GetInvocationOutput, TARGET_SCOPES],
]);

/** Whether a command of version 7 asks for a scope or a limit key. Throws nothing but ProtocolError. */
export function asksForScope(type: number, body: Uint8Array): boolean {
  const fields = SCOPE_FIELDS.get(type);
  if (fields === undefined) return false;
  const reader = sharedReader;
  reader.open(body);
  let asks = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const within = fields.get(field);
    if (within === undefined) reader.skip();
    else asks = (within === 0 ? reader.string() !== "" : hasText(reader, within)) || asks;
  }
  reader.close();
  return asks;
}

function hasText(reader: ProtobufReader, wanted: number): boolean {
  let found = false;
  const outer = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === wanted) found = reader.string() !== "" || found;
    else reader.skip();
  }
  reader.leave(outer);
  return found;
}
