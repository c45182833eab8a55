/**
 * Records as text: what survives, what stands for what does not, and that nothing of it ever throws or takes long.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { escapeControls } from '#src/logging/index.js';
import { decodeRecord, encodeRecord, type LogRecord, stampText } from '#src/logging/record-text.js';
import { always } from '../support/properties.js';

const STAMP = stampText({ processName: 'Process-1', pid: 7 });

function recordOf(message: readonly unknown[], properties: Record<string, unknown>): LogRecord {
  return { category: ['app'], level: 'info', message, rawMessage: 'raw', timestamp: 1_700_000_000_000, properties };
}

function there(message: readonly unknown[], properties: Record<string, unknown> = {}): LogRecord {
  const { text, flags } = encodeRecord(recordOf(message, properties), STAMP);
  return decodeRecord(text, flags);
}

function plain(value: unknown): string {
  return inspect(value, { depth: 20, sorted: true });
}

test('plain values come back equal, with the stamp', () => {
  always(
    fc.property(
      fc.array(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, maxDepth: 3 }), { maxLength: 4 }),
      (values) => {
        const message = ['a ', ...values.flatMap((value) => [value, ' b'])];
        const record = there(message, { values });
        assert.equal(plain(record.message), plain(message));
        assert.equal(plain(record.properties), plain({ values, processName: 'Process-1', pid: 7 }));
      },
    ),
    500,
  );
});

test('what records of one call have in common is taken from no other', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 5 }), fc.constantFrom('', '"', '\\', '\n', '\ud800', 'a', 'b'));
  const simple = fc.oneof(
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const literalParts = Object.freeze(['a', 'b']);
  const one = fc.record({
    category: fc.constantFrom(['app'], ['app', 'db'], ['"']),
    rawMessage: fc.constantFrom<string | readonly string[]>('a', 'a {b}', '{b}', '"', literalParts, ['a']),
    message: fc.array(fc.tuple(text, simple), { maxLength: 3 }).map((pairs) => [...pairs.flat(), 'a']),
    properties: fc.dictionary(fc.oneof(text, fc.constantFrom('pid', 'toJSON', '__proto__')), simple, { maxKeys: 3 }),
    timestamp: fc.constantFrom(0, 1_700_000_000_000, 1.5, -1),
  });
  always(
    fc.property(fc.array(one, { minLength: 1, maxLength: 6 }), fc.constantFrom('', STAMP), (records, stamp) => {
      for (const each of records) {
        const record: LogRecord = { ...each, level: 'info' };
        const { text: encoded, flags } = encodeRecord(record, stamp);
        const properties = { ...record.properties, ...(JSON.parse(`{${stamp}}`) as object) };
        assert.equal(plain(decodeRecord(encoded, flags)), plain({ ...record, properties }));
      }
    }),
    500,
  );
});

test('a program that makes each raw message and each name of a property anew keeps no memory of them', () => {
  const long = 'x'.repeat(2000);
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const heapUsed = () => {
    gc();
    return process.memoryUsage().heapUsed;
  };
  const before = heapUsed();
  for (let index = 0; index < 20_000; index++) {
    const raw = `${long}${index} {${index}}`;
    encodeRecord({ ...recordOf([raw, 1, ''], { [`${long}${index}`]: 1 }), rawMessage: raw }, STAMP);
  }
  assert.ok(heapUsed() - before < 2 ** 23);
});

test('an invalid date stays one', () => {
  const [, date] = there(['at ', new Date(Number.NaN), '']).message;
  assert.ok(date instanceof Date && Number.isNaN(date.getTime()));
});

test('the stamp overrules properties of its names, whatever else they hold', () => {
  const properties = { pid: 'x', processName: 5, '~': 'date', ['__proto__x']: 1, v: [] };
  assert.deepEqual(there(['m'], properties).properties, { ...properties, processName: 'Process-1', pid: 7 });
  assert.deepEqual(there(['m'], { inner: { '~': 'bigint', v: 'no' } }).properties['inner'], { '~': 'bigint', v: 'no' });
  assert.equal(there(['m'], { pid: undefined }).properties['pid'], 7);
});

test('errors keep class, message, stack, own fields, cause and errors', () => {
  class Custom extends Error {
    override name = 'Custom';
  }
  const cause = Object.assign(new RangeError('deep'), { code: 'E_DEEP' });
  const error = new Custom('top', { cause: new AggregateError([cause, 'text'], 'many') });
  const { e } = there(['m'], { e: error }).properties as { e: Error };
  assert.ok(e instanceof Error);
  assert.equal(e.name, 'Custom');
  assert.equal(e.message, 'top');
  assert.equal(e.stack, error.stack);
  const { errors } = e.cause as AggregateError;
  assert.ok(errors[0] instanceof RangeError);
  assert.equal((errors[0] as Error & { code?: string }).code, 'E_DEEP');
  assert.equal(errors[1], 'text');
});

test('what cannot travel is shown as it looked, and prints so', () => {
  class Point {
    x = 1;
  }
  const cyclic: Record<string, unknown> = { name: 'ring' };
  cyclic['self'] = cyclic;
  const { properties } = there(['m'], {
    f: function named() {},
    s: Symbol('s'),
    p: new Point(),
    b: Buffer.from('ab'),
    r: /x/g,
    cyclic,
  });
  const shown = inspect(properties);
  for (const text of ['[Function: named]', 'Symbol(s)', 'Point { x: 1 }', '<Buffer 61 62>', '/x/g', '[Circular]'])
    assert.ok(shown.includes(text), `${text} in ${shown}`);
});

test('values that lie, throw or never end are no danger', () => {
  const hostile = {
    get trap(): never {
      throw new Error('no');
    },
  };
  const proxy = new Proxy({}, { ownKeys: () => assert.fail('looked at'), getPrototypeOf: () => assert.fail('looked at') });
  const badError = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no');
    },
  });
  let deep: unknown = 0;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  const wide = Array.from({ length: 1_000_000 }, (_, i) => i);
  const { properties } = there(['m'], { hostile, proxy, badError, deep, wide, fake: { [Symbol.toStringTag]: 'Error' } });
  assert.equal(properties['pid'], 7);
  assert.ok((properties['wide'] as unknown[]).length < 10_000);
});

test('a very long record is shortened, and says so', () => {
  const { message, properties } = there(['x'.repeat(2_000_000)]);
  assert.match(String(message[0]), /^x{8192}… 1991808 more characters$/);
  assert.deepEqual(properties, { shortened: true, processName: 'Process-1', pid: 7 });
  const long = there(['x'.repeat(200_000)]);
  assert.equal(String(long.message[0]).length, 200_000);
});

test('text that is no record is refused', () => {
  for (const text of ['', '{}', '[1,2,3]', '[0,"app",null,["m"],{}]', '[0,["app"],null,"m",{}]'])
    assert.throws(() => decodeRecord(text, 2), SyntaxError);
  assert.throws(() => decodeRecord('[0,["app"],null,["m"],{}]', 7), SyntaxError);
});

test('escapeControls() leaves nothing that a terminal obeys, and text as it is', () => {
  assert.equal(escapeControls('plain \t äöü 🙂'), 'plain \t äöü 🙂');
  assert.equal(escapeControls('a\x1b[2Jb\r\nc\u009b1m\u202e'), 'a\\x1b[2Jb\\r\\nc\\x9b1m\\u202e');
  assert.equal(escapeControls('a\nb\x07', { newlines: true }), 'a\nb\\x07');
  always(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(escapeControls(text), /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
});
