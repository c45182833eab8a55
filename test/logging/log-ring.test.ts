/**
 * The memory of a child's log: what is dropped, what never is, and what a reader makes of it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BELOW_ERROR, ERRORS, type Lane, LaneReader, LaneWriter, logOf, makeLog } from '#src/logging/log-lane.js';
import { entryBytes, LOG_RING_HEADER_BYTES, LogRingReader, LogRingWriter } from '#src/logging/log-ring.js';
import { arena } from '#src/substrate/arena.js';
import { self } from '#src/substrate/self.js';
import { ProtocolError } from '#src/index.js';
import { always } from '../support/properties.js';

const never = (): boolean => false;
let order = 0;

function lane(which: Lane, options = { takenOver: false }): { writer: LaneWriter; reader: LaneReader; offset: number } {
  const offset = makeLog();
  assert.equal(logOf(self().id), offset);
  return { writer: new LaneWriter(offset, which), reader: new LaneReader(offset, which, options), offset };
}

function write(writer: LaneWriter, text: string, waitForReader: (hasMoved: boolean) => boolean = never): boolean {
  return writer.write({ text, flags: 2, time: order, order: order++ }, waitForReader);
}

function takeAll(reader: LaneReader): { texts: string[]; dropped: number } {
  const texts: string[] = [];
  for (let entry = reader.take(); entry !== undefined; entry = reader.take()) texts.push(entry.text);
  return { texts, dropped: reader.takeDropped() };
}

test('a lane gives records as they were written, whatever their size and however the ring wraps', () => {
  const { writer, reader } = lane(BELOW_ERROR);
  always(
    fc.property(fc.array(fc.string({ maxLength: 3000, unit: 'binary' }), { maxLength: 20 }), (texts) => {
      for (const text of texts) assert.ok(write(writer, text));
      const well = texts.map((text) => Buffer.from(text).toString());
      assert.deepEqual(takeAll(reader), { texts: well, dropped: 0 });
    }),
    300,
  );
});

test('below error the oldest are dropped, and exactly those are counted, in more than 8 MiB  [fault 44]', () => {
  const { writer, reader } = lane(BELOW_ERROR);
  const padding = 'x'.repeat(1000);
  for (let i = 0; i < 20_000; i++) assert.ok(write(writer, `${i} ${padding}`));
  const { texts, dropped } = takeAll(reader);
  assert.equal(texts.length + dropped, 20_000);
  const numbers = texts.map((text) => Number.parseInt(text, 10));
  assert.equal(numbers.at(-1), 19_999);
  const newest = numbers.filter((number) => number >= 19_999 - 7_900);
  assert.equal(newest.length, 7_901);
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  assert.ok(write(writer, 'goes on'));
  assert.deepEqual(takeAll(reader), { texts: ['goes on'], dropped: 0 });
});

test('errors are never dropped: their writer waits for the reader, and is told when that stands still  [fault 44]', () => {
  const { writer, reader } = lane(ERRORS);
  const text = 'x'.repeat(100_000);
  let waited = 0;
  let written = 0;
  const taken: string[] = [];
  const readOne = (): boolean => {
    waited++;
    taken.push((reader.take() as { text: string }).text);
    return true;
  };
  while (waited < 10) if (write(writer, text, readOne)) written++;
  assert.equal(write(writer, text, never), false);
  let asked = 0;
  assert.equal(
    write(writer, text, () => {
      asked++;
      return false;
    }),
    false,
  );
  assert.equal(asked, 0, 'a reader that stands still is not waited for again');
  const rest = takeAll(reader);
  assert.equal(taken.length + rest.texts.length, written);
  assert.equal(rest.dropped, 0);
  assert.ok(write(writer, 'again'));
  assert.deepEqual(takeAll(reader), { texts: ['again'], dropped: 0 });
});

test('a record larger than the lane counts as dropped, an error is refused', () => {
  const below = lane(BELOW_ERROR);
  const huge = 'x'.repeat(2 ** 23);
  assert.equal(write(below.writer, huge), false);
  assert.ok(write(below.writer, 'next'));
  assert.deepEqual(takeAll(below.reader), { texts: ['next'], dropped: 1 });
  const errors = lane(ERRORS);
  assert.equal(write(errors.writer, huge), false);
  assert.ok(write(errors.writer, 'next'));
  assert.deepEqual(takeAll(errors.reader), { texts: ['next'], dropped: 0 });
});

test('a reader that takes over from a dead one counts only what is dropped from then on', () => {
  const { writer, reader, offset } = lane(BELOW_ERROR);
  for (const text of ['a', 'b', 'c']) write(writer, text);
  assert.equal(reader.take()?.text, 'a');
  const next = new LaneReader(offset, BELOW_ERROR, { takenOver: true });
  assert.deepEqual(takeAll(next), { texts: ['b', 'c'], dropped: 0 });
  next.finish();
  assert.equal(next.takeDropped(), 0);
});

test('a reader whose record is dropped under its eyes takes the next, and two readers take each record once', () => {
  const capacity = 4096;
  const { offset } = self().allocator.allocate(LOG_RING_HEADER_BYTES + capacity);
  const writer = new LogRingWriter(offset, capacity);
  const readers = [new LogRingReader(offset, capacity), new LogRingReader(offset, capacity)];
  const size = entryBytes(4);
  const put = (number: number): void => {
    if (!writer.hasRoom(size)) writer.dropFor(size, number);
    writer.write({ text: String(number).padStart(4, '0'), flags: 0, time: 0, order: number }, number, 4);
  };
  const taken: number[] = [];
  for (let number = 0; number < 1000; number++) {
    put(number);
    if (number % 3 !== 0) continue;
    const entry = readers[number % 2]?.take();
    if (entry !== undefined) taken.push(entry.number);
  }
  assert.deepEqual(
    taken,
    [...new Set(taken)].sort((a, b) => a - b),
  );
});

test('garbage in the memory is a ProtocolError, never a record, a hang or a crash', () => {
  const capacity = 1024;
  const { offset } = self().allocator.allocate(LOG_RING_HEADER_BYTES + capacity);
  const words = new Int32Array(arena().buffer(offset, LOG_RING_HEADER_BYTES + capacity));
  always(
    fc.property(fc.array(fc.integer(), { minLength: words.length, maxLength: words.length }), (garbage) => {
      words.set(garbage);
      const reader = new LogRingReader(offset, capacity);
      try {
        for (let i = 0; i < 1000; i++) if (reader.take() === undefined) return;
        assert.fail('it goes on for ever');
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    }),
  );
});
