/** The shared memory of large messages, without any worker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '#src/errors.js';
import { arena } from '#src/substrate/arena.js';
import { bytesOf, openShelf, PLACE_BYTES, readPlace, releaseRead, writePlace } from '#src/workers/message-shelf.js';

const MIB = 2 ** 20;

test('a message on the shelf is the parts of it in a row, and its frame says where', () => {
  const shelf = openShelf();
  const message = shelf.put([Buffer.from('one '), Buffer.alloc(MIB, 7), Buffer.from(' end')], MIB + 8);
  assert.ok(message !== undefined);
  const frame = new Uint8Array(3 + PLACE_BYTES);
  writePlace(frame, 3, message);
  const bytes = Buffer.from(bytesOf(readPlace(frame, 3)));
  assert.equal(bytes.length, MIB + 8);
  assert.equal(bytes.toString('latin1', 0, 5), 'one \x07');
  assert.equal(bytes.toString('latin1', MIB + 3), '\x07 end');
  message.release();
  shelf.close();
});

test('a piece is written anew only when nobody reads it, whoever was the last', () => {
  const shelf = openShelf();
  const put = (fill: number) => shelf.put([Buffer.alloc(MIB, fill)], MIB) ?? assert.fail('no piece');
  const first = put(1);
  first.retain();
  first.release();
  const second = put(2);
  assert.notEqual(second.piece.offset, first.piece.offset);
  assert.equal(bytesOf(first)[0], 1);
  releaseRead(first); // as the other side does
  const third = put(3);
  assert.equal(third.piece.offset, first.piece.offset);
  assert.equal(bytesOf(second)[MIB - 1], 2);
  second.release();
  third.release();
  shelf.close();
});

test('a shelf has 32 MiB at most: what does not fit is not put, and fits when others are read', () => {
  const shelf = openShelf();
  const put = (mib: number) => shelf.put([Buffer.alloc(mib * MIB - 64)], mib * MIB - 64);
  assert.equal(put(33), undefined);
  const half = put(16);
  const rest = put(15);
  assert.ok(half !== undefined && rest !== undefined);
  assert.equal(put(2), undefined);
  half.release();
  const later = [put(2), put(2), put(12)];
  assert.ok(later.every((message) => message !== undefined));
  for (const message of [...later, rest]) message?.release();
  shelf.close();
});

test('the memory of a closed shelf goes back, of what is still read as soon as it is not', () => {
  const used = (): number => {
    const probe = openShelf();
    const message = probe.put([Buffer.alloc(MIB)], MIB) ?? assert.fail('no piece');
    message.release();
    probe.close();
    return message.piece.offset;
  };
  const before = used();
  const shelf = openShelf();
  const messages = [shelf.put([Buffer.alloc(MIB)], MIB), shelf.put([Buffer.alloc(MIB)], MIB)];
  messages[0]?.release();
  shelf.close();
  assert.notEqual(messages[1]?.piece.offset, undefined);
  messages[1]?.release();
  assert.equal(used(), before, 'the first free place is the same as before');
});

test('a place that can be none is refused: outside the memory, not of whole pages, longer than its piece', () => {
  const wrong = [
    [65_537, MIB, 1],
    [-65_536, MIB, 1],
    [Number.NaN, MIB, 1],
    [arena().size, MIB, 1],
    [65_536, MIB, MIB],
    [65_536, MIB, -1],
    [65_536, 2 ** 40, 1],
    [65_536, 0, 0],
  ];
  for (const numbers of wrong)
    assert.throws(() => readPlace(new Uint8Array(new Float64Array(numbers).buffer), 0), ProtocolError, String(numbers));
});
