import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { FRAME_HEADER_BYTES, frameBytes } from "./frame.ts";
import type { LogBatch } from "./log.ts";
import { MAILBOX_SLOTS, MailboxSender, MailboxTaker } from "./mailbox.ts";

function batchOf(position: number, bytes: number): LogBatch {
  return { position, payload: new Uint8Array(bytes).fill(position % 251) };
}

function mailbox(): { sender: MailboxSender; taker: MailboxTaker } {
  const sender = new MailboxSender();
  return { sender, taker: new MailboxTaker(sender.memory) };
}

describe("the mailbox of the log's thread", () => {
  it("hands over requests in their order, each payload where its frame will be", () => {
    const { sender, taker } = mailbox();
    assert.equal(sender.send([batchOf(7, 10), batchOf(8, 600)]), undefined);
    assert.equal(sender.send([batchOf(9, 0)]), undefined);
    assert.equal(taker.take(), undefined, "nothing is there before the bell");
    sender.ring();
    const first = taker.take();
    assert.ok(typeof first === "object");
    assert.deepEqual([first.firstPosition, first.payloadBytes], [7, [10, 600]]);
    assert.deepEqual(first.bytes.slice(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + 10), batchOf(7, 10).payload);
    const second = frameBytes(10) + FRAME_HEADER_BYTES;
    assert.deepEqual(first.bytes.slice(second, second + 600), batchOf(8, 600).payload);
    const next = taker.take();
    assert.ok(typeof next === "object");
    assert.deepEqual([next.firstPosition, next.payloadBytes], [9, [0]]);
    assert.equal(taker.take(), undefined);
  });

  it("keeps the place of a request that is too large for a slot", () => {
    const { sender, taker } = mailbox();
    sender.send([batchOf(1, 10)]);
    const large = sender.send([batchOf(2, 2 * 1024 * 1024)]);
    sender.send([batchOf(3, 10)]);
    sender.ring();
    assert.deepEqual([large?.firstPosition, large?.payloadBytes], [2, [2 * 1024 * 1024]]);
    assert.ok(typeof taker.take() === "object");
    assert.equal(taker.take(), "message");
    assert.ok(typeof taker.take() === "object");
  });

  it("takes more batches than a slot can list as a message", () => {
    const { sender, taker } = mailbox();
    const batches = Array.from({ length: 200 }, (_, index) => batchOf(index + 1, 8));
    assert.equal(sender.send(batches)?.payloadBytes.length, 200);
    sender.ring();
    assert.equal(taker.take(), "message");
  });

  it("has no room while every slot waits for an answer, and uses freed ones again", () => {
    const { sender, taker } = mailbox();
    let position = 1;
    for (let round = 0; round < 3; round++) {
      for (let slot = 0; slot < MAILBOX_SLOTS; slot++) {
        assert.ok(sender.hasRoom);
        sender.send([batchOf(position++, 100 + round)]);
      }
      assert.ok(!sender.hasRoom);
      sender.ring();
      for (let slot = 0; slot < MAILBOX_SLOTS; slot++) {
        const taken = taker.take();
        assert.ok(typeof taken === "object");
        assert.deepEqual(taken.payloadBytes, [100 + round]);
      }
      sender.freed(MAILBOX_SLOTS);
    }
  });

  it("carries positions of 53 bits", () => {
    const { sender, taker } = mailbox();
    for (const position of [2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      sender.send([batchOf(position, 1)]);
      sender.ring();
      const taken = taker.take();
      assert.ok(typeof taken === "object");
      assert.equal(taken.firstPosition, position);
      sender.freed(1);
    }
  });

  it("does not sleep through a bell that rang after it had listened", () => {
    const { sender, taker } = mailbox();
    taker.listen();
    assert.equal(taker.take(), undefined);
    sender.send([batchOf(1, 1)]);
    sender.ring();
    assert.ok(taker.wait(Number.POSITIVE_INFINITY));
    assert.ok(typeof taker.take() === "object");
  });

  it("sleeps no longer than it was told when nothing comes", () => {
    const { taker } = mailbox();
    taker.listen();
    assert.ok(!taker.wait(1));
  });
});
