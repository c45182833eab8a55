import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Condition, Lock } from '#src/index.js';
import { joinAsSender } from '#src/process/family.js';
import { pieceOf } from '#src/sharing/shared-kinds.js';
import { headerAt } from '#src/substrate/shared-piece.js';
import { decodeValue, encodeValue } from '#src/wire/codec.js';
import { decodeFailure, encodeFailure } from '#src/wire/remote-error.js';

joinAsSender();

const ORIGIN = { name: 'Process-1', pid: process.pid };
const IN_FLIGHT = { inFlight: true };

/** How often a shared object is held, by facades and by messages. */
function holdsOf(facade: object): number {
  const piece = pieceOf(facade);
  assert.ok(piece !== undefined);
  return Atomics.load(headerAt(piece.offset), 0);
}

test('a message in flight holds the shared objects in it until it is read', () => {
  const lock = new Lock();
  const { buffer, start, end } = encodeValue([lock, { again: lock }], 'value', IN_FLIGHT);
  assert.equal(holdsOf(lock), 2);
  const [first, second] = decodeValue(buffer, start, end, IN_FLIGHT) as [Lock, { again: Lock }];
  assert.equal(first, second.again);
  assert.ok(first.acquireSync());
  assert.equal(lock.tryAcquire(), false);
  first.release();
});

test('an error in flight holds the shared objects in its fields', () => {
  const condition = new Condition();
  const encoded = encodeFailure(Object.assign(new Error('with a condition'), { condition }), ORIGIN);
  assert.equal(holdsOf(condition), 2);
  const failure = decodeFailure(encoded.buffer, encoded.start, encoded.end) as Error & { condition: Condition };
  assert.ok(failure.condition instanceof Condition);
});

test('a message that is given up holds nothing', () => {
  const lock = new Lock();
  assert.throws(() => encodeValue([lock, { lock }, Symbol('no')], 'value', IN_FLIGHT), /symbol/i);
  assert.equal(holdsOf(lock), 1);
  // The field that cannot be sent is left out of the error, and with it the lock that was already written.
  encodeFailure(Object.assign(new Error('with a lock'), { field: [lock, Symbol('no')] }), ORIGIN);
  assert.equal(holdsOf(lock), 1);
});
