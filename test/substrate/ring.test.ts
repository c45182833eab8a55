import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { MessageTooLargeError, ProtocolError } from '#src/errors.js';
import { arena } from '#src/substrate/arena.js';
import { LockedRing, lockedRingBytes } from '#src/substrate/locked-ring.js';
import { RingConsumer } from '#src/substrate/ring-consumer.js';
import { RING_HEADER_BYTES } from '#src/substrate/ring-memory.js';
import { RingProducer } from '#src/substrate/ring-producer.js';
import { self } from '#src/substrate/self.js';
import { CONSUMED, CORRUPT, consume, PRODUCED, produce, putLarge, STOP } from '../fixtures/substrate/members.js';
import { checksum, fillMessage } from '../fixtures/substrate/messages.js';
import { begin, sharedLine, until } from '../fixtures/substrate/starting.js';
import { leavesNothing } from '../support/census.js';
import { always } from '../support/properties.js';

const warmUp = async () => {
  const { allocator } = self();
  const piece = allocator.allocate(lockedRingBytes(1024));
  new LockedRing(piece.offset, 1024).putSync(1, new Uint8Array(1), 0, 1);
  const child = await begin(putLarge, [piece.offset, 1024, 16]);
  await child.join();
};

function openRing(capacity: number): { producer: RingProducer; consumer: RingConsumer; offset: number } {
  const { offset } = self().allocator.allocate(RING_HEADER_BYTES + capacity);
  return { offset, producer: new RingProducer(offset, capacity), consumer: new RingConsumer(offset, capacity) };
}

test('messages of any size arrive whole and in order, however the two sides take turns', () => {
  always(
    fc.property(
      fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 9000 }), reads: fc.nat(3) }), { maxLength: 40 }),
      (steps) => {
        const { producer, consumer } = openRing(2048);
        const expected: number[] = [];
        const seen: number[] = [];
        const read = (limit: number) =>
          consumer.read((kind, buffer, start, end) => {
            assert.equal(kind, expected[seen.length] as number);
            for (let i = start; i < end; i++) assert.equal(buffer[i], (i - start + kind) & 0xff);
            seen.push(end - start);
          }, limit);
        steps.forEach(({ bytes, reads }, kind) => {
          const message = Uint8Array.from({ length: bytes }, (_, i) => (i + kind) & 0xff);
          expected.push(kind);
          for (
            let sent = producer.write(kind, message, 0, bytes);
            sent !== bytes;
            sent = producer.write(kind, message, 0, bytes, sent)
          )
            read(1);
          read(reads);
        });
        read(1000);
        assert.deepEqual(
          seen,
          steps.map(({ bytes }) => bytes),
        );
      },
    ),
    50,
  );
});

test('positions wrap at 2^32 without anybody noticing', () => {
  const { offset } = self().allocator.allocate(RING_HEADER_BYTES + 1024);
  const words = new Int32Array(arena().buffer(offset, 128));
  Atomics.store(words, 0, -512);
  Atomics.store(words, 16, -512);
  const producer = new RingProducer(offset, 1024);
  const consumer = new RingConsumer(offset, 1024);
  const message = new Uint8Array(200).fill(7);
  let handled = 0;
  for (let i = 0; i < 20; i++) {
    assert.equal(producer.write(1, message, 0, 200), 200);
    consumer.read((_kind, buffer, start, end) => {
      assert.ok(end - start === 200 && buffer[start] === 7);
      handled++;
    }, 10);
  }
  assert.equal(handled, 20);
  assert.ok(Atomics.load(words, 0) > 0);
});

test('a position beyond the capacity is ProtocolError at once, not a way round and round the ring  [fault 71]', () => {
  const { offset, consumer } = openRing(1024);
  // Empty records without flags all the way: each is skipped.
  Atomics.store(new Int32Array(arena().buffer(offset, RING_HEADER_BYTES)), 0, -8);
  assert.throws(() => consumer.read(() => undefined, 3), ProtocolError);
});

test('a length that would be negative when padded is ProtocolError, not a message of 2 GiB  [fault 71]', () => {
  const { offset, consumer } = openRing(1024);
  const words = new Int32Array(arena().buffer(offset, RING_HEADER_BYTES + 1024));
  words[RING_HEADER_BYTES / 4] = 2 ** 31 - 7;
  words[RING_HEADER_BYTES / 4 + 1] = 3;
  Atomics.store(words, 0, 64);
  assert.throws(() => consumer.read(() => assert.fail('a message'), 3), ProtocolError);
});

test('garbage in the memory is ProtocolError, never a read beyond the ring  [fault 71]', () => {
  always(
    fc.property(
      fc.integer(),
      fc.integer(),
      fc.integer(),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      (tail, length, kind, noise) => {
        const { offset, consumer } = openRing(1024);
        const words = new Int32Array(arena().buffer(offset, RING_HEADER_BYTES + 1024));
        new Uint8Array(words.buffer, RING_HEADER_BYTES + 8, 64).set(noise);
        words[RING_HEADER_BYTES / 4] = length;
        words[RING_HEADER_BYTES / 4 + 1] = kind;
        Atomics.store(words, 0, tail);
        try {
          consumer.read((_kind, buffer, start, end) => assert.ok(start >= 0 && start <= end && end <= buffer.length), 3);
        } catch (error) {
          assert.ok(error instanceof ProtocolError || error instanceof MessageTooLargeError, String(error));
        }
      },
    ),
    300,
  );
});

test(
  'a producer killed before its commit leaves nothing half-visible; killed between chunks, a beginning that is dropped',
  leavesNothing(
    async () => {
      for (const point of ['ring.afterReserve:kill@3', 'ring.beforeCommit:kill@3', 'ring.betweenChunks:kill@2']) {
        const { allocator } = self();
        const piece = allocator.allocate(lockedRingBytes(4096));
        const child = await begin(putLarge, [piece.offset, 4096, 3900], point);
        assert.match(String(await child.exception()), /SIGKILL/);
        const ring = new LockedRing(piece.offset, 4096);
        const message = new Uint8Array(300);
        fillMessage(message, 1, 1, 300);
        ring.putSync(1, message, 0, 300);
        let got = 0;
        ring.getSync((_kind, buffer, start, end) => {
          assert.equal(end - start, 300);
          assert.ok(checksum(buffer, start, end));
          got++;
        }, 5000);
        assert.equal(got, 1);
        assert.equal(ring.dropped, 1);
      }
    },
    { warmUp },
  ),
);

test(
  'a message many times the ring streams through it between processes',
  leavesNothing(
    async () => {
      const { allocator } = self();
      const piece = allocator.allocate(lockedRingBytes(8192));
      const child = await begin(putLarge, [piece.offset, 8192, 5_000_000]);
      let whole = false;
      new LockedRing(piece.offset, 8192).getSync((_kind, buffer, start, end) => {
        whole = end - start === 5_000_000 && checksum(buffer, start, end);
      }, 60_000);
      assert.ok(whole);
      await child.join();
      allocator.free(piece);
    },
    { warmUp },
  ),
);

test(
  'kill loop: 2 producers and 2 consumers, nothing corrupt, nobody wedged  [fault 10] [fault 11]',
  leavesNothing(
    async () => {
      const kills = Number(process.env['MULTIPROC_KILLS'] ?? 100);
      const { allocator } = self();
      const capacity = 131_072;
      const piece = allocator.allocate(lockedRingBytes(capacity));
      const line = sharedLine();
      let seed = 1;
      const start = (index: number) =>
        index < 2
          ? begin(produce, [piece.offset, capacity, line.offset, seed++])
          : begin(consume, [piece.offset, capacity, line.offset]);
      const children = await Promise.all([0, 1, 2, 3].map(start));
      for (let i = 0; i < kills; i++) {
        const seen = Atomics.load(line.words, CONSUMED);
        await until(() => Atomics.load(line.words, CONSUMED) !== seen, `progress after ${i} kills`);
        const at = (i * 7 + 3) % 4;
        children[at]?.kill();
        await children[at]?.join();
        children[at] = await start(at);
      }
      Atomics.store(line.words, STOP, 1);
      await Promise.all(children.slice(0, 2).map((child) => child.join({ timeout: 30_000 })));
      Atomics.store(line.words, STOP, 2);
      await Promise.all(children.slice(2).map((child) => child.join({ timeout: 30_000 })));
      assert.equal(line.words[CORRUPT], 0);
      assert.ok((line.words[PRODUCED] as number) > kills);
      allocator.free(piece);
    },
    { warmUp },
  ),
);
