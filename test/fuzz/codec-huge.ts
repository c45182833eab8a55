/**
 * Messages above 2 and 4 GiB, by hand only: `node dist-test/fuzz/codec-huge.js` takes up to 10 GB of memory.
 *
 * A runtime that has no buffers of the size must refuse the message; nothing may come back changed.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { MessageTooLargeError } from '#src/errors.js';
import { decodeValue, encodeValue } from '#src/wire/codec.js';

const GIB = 2 ** 30;

for (const size of [2.2 * GIB, 4.1 * GIB].map(Math.floor)) {
  const began = performance.now();
  const outcome = size > constants.MAX_LENGTH ? refused() : carried(size);
  console.log(`${(size / GIB).toFixed(1)} GiB: ${outcome} (${Math.round(performance.now() - began)} ms)`);
}

/** What stands behind the bytes is written and read at positions above 2^31 and 2^32. */
function carried(size: number): string {
  const bytes = Buffer.alloc(size);
  bytes[size - 1] = 7;
  const tail = ['a text', 'é'.repeat(100), '日本語', Array.from({ length: 100 }, (_, i) => i), { a: 1.5, b: 12n }];
  const { buffer, start, end } = encodeValue([bytes, tail, tail], 'v', { maxBytes: 8 * GIB });
  assert.throws(() => encodeValue([bytes], 'v', { maxBytes: 2 * GIB }), MessageTooLargeError);
  const [copy, first, second] = decodeValue(buffer, start, end, { owned: true }) as [Buffer, unknown, unknown];
  assert.equal(copy.length, size);
  assert.equal(copy[size - 1], 7);
  assert.deepEqual(first, tail);
  assert.equal(first, second);
  return `carried in ${end - start} bytes`;
}

/** Two halves, each within what the runtime has. */
function refused(): string {
  const half = Buffer.alloc(Math.ceil(constants.MAX_LENGTH / 2));
  assert.throws(
    () => encodeValue([half, Buffer.from(half.buffer), 'x'.repeat(1000)], 'v', { maxBytes: 8 * GIB }),
    MessageTooLargeError,
  );
  assert.equal(encodeValue('next', 'v').end > 0, true);
  return `refused, as the runtime has no buffers above ${constants.MAX_LENGTH} bytes`;
}
