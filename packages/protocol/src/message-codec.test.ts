import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import fc from "fast-check";

import { anyMessage, messageArbitraries } from "./message-arbitrary.contract.ts";
import {
  completionIdOf,
  completionTypeOf,
  decodeJournalMessage,
  decodeMessage,
  encodeMessage,
  messageTypeName,
} from "./message-codec.ts";
import { isCommandType, MessageType, type Message, type StartMessage } from "./message.ts";
import { ProtocolError, type ProtocolErrorReason } from "./protocol-error.ts";
import { decodeValue } from "./value-codec.ts";

const GOLDEN_START =
  "0a18548ae3cba54055b3ca11592a61236886774b135ec6ab0b971226" +
  "696e765f31666f41697259344b4b7a6934423161515049654637567a7963556539474c413253" +
  "1801220a0a05636f756e7412013332026b31400348af93979fb2d1d98512";

const START: StartMessage = {
  type: MessageType.Start,
  invocationId: "inv_1foAirY4KKzi4B1aQPIeF7VzycUe9GLA2S",
  knownEntries: 1,
  state: [["count", Uint8Array.of(0x33)]],
  partialState: false,
  key: "k1",
  retryCount: 0,
  sinceLastEntryMs: 3,
  randomSeed: 1300245665215269295n,
  service: "",
  handler: "",
  attempt: 0,
  stepFailures: [],
  recordedOn: "",
  deployment: "",
};

const GOLDEN: ReadonlyArray<readonly [what: string, body: string, message: Message]> = [
  ["Start of a counter", GOLDEN_START, START],
  ["cancel signal", "10012200", { type: MessageType.Signal, index: 1, result: { kind: "void" } }],
  [
    "completion of a sleep",
    "08022200",
    { type: MessageType.SleepCompletion, completionId: 2, result: { kind: "void" } },
  ],
  ["End", "", { type: MessageType.End }],
  ["Run named step", "5801620473746570", { type: MessageType.Run, completionId: 1, name: "step" }],
  [
    "proposal with raw bytes",
    "08017203227222",
    {
      type: MessageType.ProposeRunCompletion,
      completionId: 1,
      result: { kind: "value", value: Uint8Array.from(Buffer.from('"r"')) },
    },
  ],
  [
    "completion of a run with wrapped bytes",
    "08012a050a03227222",
    {
      type: MessageType.RunCompletion,
      completionId: 1,
      result: { kind: "value", value: Uint8Array.from(Buffer.from('"r"')) },
    },
  ],
  ["empty input, present", "7200", { type: MessageType.Input, headers: [], value: new Uint8Array(0) }],
  [
    "suspension on a completion and two signals",
    "0a010112020111",
    { type: MessageType.Suspension, completions: [1], signals: [1, 17], namedSignals: [] },
  ],
];

for (const [what, body, message] of GOLDEN) {
  test(`the bytes of ${what} are those that were seen on the wire`, () => {
    assert.equal(hex(encodeMessage(message)), body);
    assert.deepEqual(decodeMessage(message.type, unhex(body)), message);
  });
}

test("there is an arbitrary for every type", () => {
  assert.deepEqual(Object.keys(messageArbitraries).sort(), Object.keys(MessageType).sort());
});

for (const [name, arbitrary] of Object.entries(messageArbitraries)) {
  test(`${name} survives encoding and decoding`, () => {
    fc.assert(
      fc.property(arbitrary, (message) => {
        const body = encodeMessage(message);
        assert.deepEqual(decodeMessage(message.type, body), message);
        assert.equal(hex(encodeMessage(decodeMessage(message.type, body))), hex(body));
      }),
    );
  });
}

test("large messages survive, and do not disturb earlier ones", () => {
  const small = encodeMessage(START);
  const copy = small.slice();
  for (const size of [127, 128, 2047, 2048, 8000, 8192, 16_383, 16_384, 3_000_000]) {
    const message: Message = {
      type: MessageType.Input,
      headers: [["name", "v".repeat(size)]],
      value: new Uint8Array(size).fill(7),
    };
    assert.deepEqual(decodeMessage(MessageType.Input, encodeMessage(message)), message);
  }
  assert.deepEqual(small, copy);
});

test("results of many encodings do not overlap", () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { minLength: 2, maxLength: 50 }), (messages) => {
      const bodies = messages.map(encodeMessage);
      for (const [index, message] of messages.entries()) {
        assert.deepEqual(decodeMessage(message.type, bodies[index] ?? new Uint8Array(0)), message);
      }
    }),
    { numRuns: 30 },
  );
});

test("bytes of the first version mean what they meant, for every type", () => {
  const file = new URL("fixtures/messages.v1.json", import.meta.url);
  const fixtures = JSON.parse(readFileSync(file, "utf8")) as Record<
    string,
    { message: unknown; body: string }
  >;
  assert.deepEqual(Object.keys(fixtures).sort(), Object.keys(MessageType).sort());
  for (const [name, { body, message }] of Object.entries(fixtures)) {
    const expected = decodeValue(new TextEncoder().encode(JSON.stringify(message))) as Message;
    assert.deepEqual(decodeMessage(expected.type, unhex(body)), expected, name);
    assert.equal(hex(encodeMessage(expected)), body, name);
  }
});

test("fields that are not known are passed over, whatever their wire type", () => {
  // Fields 50 to 53: a varint, eight bytes, four delimited bytes, four bytes.
  const unknown = "9003ffffffffffffffffff01" + "99030102030405060708" + "a203040a0b0c0d" + "ad0301020304";
  for (const [, body, message] of GOLDEN) {
    assert.deepEqual(decodeMessage(message.type, unhex(unknown + body + unknown)), message);
  }
});

test("fields of Restate that are not ours are passed over", () => {
  // OneWayCall with scope (8) and limit key (9).
  const message = decodeMessage(MessageType.OneWayCall, unhex("0a01531201684202736c4a026c6b5005"));
  assert.equal(message.type === MessageType.OneWayCall && message.invocationIdCompletionId, 5);
});

test("numbers in a list may come packed or one by one", () => {
  const expected = { type: MessageType.Suspension, completions: [1, 300], signals: [], namedSignals: [] };
  assert.deepEqual(decodeMessage(MessageType.Suspension, unhex("0a0301ac02")), expected);
  assert.deepEqual(decodeMessage(MessageType.Suspension, unhex("080108ac02")), expected);
});

test("named signals without counts are taken as not consumed", () => {
  const message = decodeMessage(MessageType.Suspension, unhex("1a01611a0162"));
  assert.deepEqual(message.type === MessageType.Suspension && message.namedSignals, [
    ["a", 0],
    ["b", 0],
  ]);
});

test("the last of several results counts, as of any protobuf field", () => {
  const message = decodeMessage(MessageType.SleepCompletion, unhex("08022a030a01782200"));
  assert.deepEqual(message, { type: MessageType.SleepCompletion, completionId: 2, result: { kind: "void" } });
});

test("a Start without its textual id gets one from the raw id", () => {
  const message = decodeMessage(MessageType.Start, unhex(`${GOLDEN_START.slice(0, 52)}1801`));
  assert.equal(message.type === MessageType.Start && message.invocationId, START.invocationId);
});

test("a byte order mark and NUL belong to a text", () => {
  const name = `\u{feff}a\0b${"x".repeat(60)}`;
  const message: Message = { type: MessageType.Run, completionId: 1, name };
  assert.deepEqual(decodeMessage(MessageType.Run, encodeMessage(message)), message);
});

const MALFORMED: ReadonlyArray<
  readonly [what: string, type: number, body: string, reason: ProtocolErrorReason]
> = [
  ["an unknown control type", 0x0004, "", "message-type-unknown"],
  ["an unknown command type", 0x040f, "", "message-type-unknown"],
  ["an unknown notification type", 0x8001, "", "message-type-unknown"],
  ["a custom type", 0xfc00, "", "message-type-unknown"],
  ["a number that is cut off", MessageType.Run, "58", "truncated"],
  ["a long number that is cut off", MessageType.Run, "5880", "truncated"],
  ["a text that is cut off", MessageType.Run, "5801620573746570", "truncated"],
  ["a length beyond everything", MessageType.Run, "62ffffffff0f", "truncated"],
  ["a sub-message that reaches beyond its parent", MessageType.Output, "72040a05787878", "truncated"],
  ["a field that reaches beyond its sub-message", MessageType.Output, "72030a057878787878", "truncated"],
  ["a fixed number that is cut off", MessageType.Run, "5801b506010203", "truncated"],
  ["a number of eleven bytes", MessageType.Run, "58ffffffffffffffffffff01", "number-out-of-range"],
  ["a number of endless zeros", MessageType.Run, "5880808080808080808080800001", "number-too-long"],
  ["a uint32 with 33 bits", MessageType.Run, "588080808010", "number-out-of-range"],
  ["a time beyond 2^53", MessageType.Sleep, "08ffffffffffffffff7f5801", "number-out-of-range"],
  ["invalid UTF-8", MessageType.Run, "58016202c328", "text-invalid"],
  ["a surrogate in UTF-8", MessageType.Run, "58016203eda080", "text-invalid"],
  ["a text where a number belongs", MessageType.Run, "5a0101", "wire-type-invalid"],
  ["a number where a text belongs", MessageType.Run, "58016001", "wire-type-invalid"],
  ["a group", MessageType.Run, "58019b0301", "wire-type-invalid"],
  ["field number 0", MessageType.Run, "0001", "field-number-invalid"],
  ["a run without completion id", MessageType.Run, "", "field-missing"],
  ["a call without id of the callee's id", MessageType.Call, "5801", "field-missing"],
  ["a completion without result", MessageType.SleepCompletion, "0802", "field-missing"],
  ["a signal without name", MessageType.Signal, "2200", "field-missing"],
  ["a sent signal without name", MessageType.SendSignal, "0a0178", "field-missing"],
  ["an attachment to nothing", MessageType.AttachInvocation, "5801", "field-missing"],
  ["a suspension on nothing", MessageType.Suspension, "", "field-missing"],
  ["a Start without id", MessageType.Start, "1801", "value-invalid"],
  [
    "a Start with two ids",
    MessageType.Start,
    GOLDEN_START.replace("1226696e765f3166", "1226696e765f3167"),
    "value-invalid",
  ],
  ["a Start without entries", MessageType.Start, GOLDEN_START.slice(0, 52), "value-invalid"],
  ["an unknown behavior", MessageType.Error, "4803", "value-invalid"],
];

for (const [what, type, body, reason] of MALFORMED) {
  test(`${what} is refused as ${reason}`, () => {
    assert.throws(
      () => decodeMessage(type, unhex(body)),
      (error) => error instanceof ProtocolError && error.reason === reason,
    );
  });
}

test("more parts than a message may have are refused before they fill the memory", () => {
  const body = new Uint8Array(3 << 20).fill(0x0a);
  for (let index = 1; index < body.length; index += 2) body[index] = 0;
  assert.throws(() => decodeMessage(MessageType.Input, body), /more than 1048576 parts/);
  const packed = Buffer.concat([unhex("0a80808001"), new Uint8Array(2 << 20)]);
  assert.throws(() => decodeMessage(MessageType.Suspension, packed), /more than 1048576 parts/);
});

test("only commands and notifications have a place in a journal", () => {
  assert.throws(() => decodeJournalMessage(MessageType.End, new Uint8Array(0)), ProtocolError);
  assert.equal(
    decodeJournalMessage(MessageType.ClearAllState, new Uint8Array(0)).type,
    MessageType.ClearAllState,
  );
});

test("values that a field cannot hold are not encoded", () => {
  const wrong: Message[] = [
    { type: MessageType.Run, completionId: -1 },
    { type: MessageType.Run, completionId: 1.5 },
    { type: MessageType.Run, completionId: 2 ** 32 },
    { type: MessageType.Run, completionId: 1, inputHash: -1 },
    { type: MessageType.Sleep, completionId: 1, wakeUpAt: -1 },
    { type: MessageType.Sleep, completionId: 1, wakeUpAt: Number.NaN },
    { type: MessageType.Suspension, completions: [0.5], signals: [], namedSignals: [] },
    { ...START, randomSeed: -1n },
    { ...START, randomSeed: 2n ** 64n },
    { ...START, invocationId: "inv_1" },
  ];
  for (const message of wrong) assert.throws(() => encodeMessage(message), RangeError);
  assert.equal(hex(encodeMessage(START)), GOLDEN_START);
});

test("bytes of a decoded message are views into its body", () => {
  const body = encodeMessage({ type: MessageType.SetState, key: "k", value: Uint8Array.of(1, 2, 3) });
  const message = decodeMessage(MessageType.SetState, body);
  assert.ok(message.type === MessageType.SetState);
  assert.equal(message.value.buffer, body.buffer);
});

test("completion ids and types are told", () => {
  assert.equal(completionIdOf({ type: MessageType.RunAck, completionId: 3 }), 3);
  assert.equal(completionIdOf({ type: MessageType.End }), undefined);
  fc.assert(
    fc.property(anyMessage, (message) => {
      const isCompletable = isCommandType(message.type) && completionTypeOf(message.type) !== undefined;
      if (isCompletable) assert.ok((completionIdOf(message) ?? 0) > 0);
      else if (isCommandType(message.type)) assert.equal(completionIdOf(message), undefined);
    }),
  );
});

test("message types have names", () => {
  assert.equal(messageTypeName(MessageType.Run), "Run");
  assert.equal(messageTypeName(0x4ff), "0x04ff");
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function unhex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}
