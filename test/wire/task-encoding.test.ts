import assert from 'node:assert/strict';
import test from 'node:test';
import { decodeArgs, decodeCall, decodeValue } from '#src/wire/codec.js';
import type { Definition, Encoded } from '#src/wire/codec-types.js';
import { encodeFunction, encodeTask, registerFunctionExtensions } from '#src/wire/function-extension.js';
import { FIXTURES, withChild } from './function-support.js';

registerFunctionExtensions();

const OPTIONS = { headerBytes: 20 };

function calls({ buffer, start, end }: Encoded): { fn: unknown; args: unknown[] } {
  return decodeCall(buffer, start, end);
}

function lib(): Promise<Record<string, (x: number) => number>> {
  return import(new URL('lib.mjs', FIXTURES).href) as Promise<Record<string, (x: number) => number>>;
}

test('a function that captures nothing goes with its arguments the first time, and is a message of its own from then on', () => {
  const make = () => (x: number) => x + 1;
  const plain = make();
  const first = encodeTask(plain, [41], OPTIONS);
  assert.equal(first.fn, undefined);
  assert.deepEqual(calls(first.encoded), { fn: plain, args: [41] });

  const second = encodeTask(plain, [42], OPTIONS);
  assert.ok(second.fn?.stable);
  const { buffer, start, end } = second.fn.encoded;
  assert.equal(decodeValue(buffer, start, end), plain);
  assert.deepEqual(decodeArgs(second.encoded.buffer, second.encoded.start, second.encoded.end), [42]);

  assert.equal(encodeTask(plain, [43], OPTIONS).fn, second.fn);
  assert.equal(encodeTask(make(), [44], OPTIONS).fn, second.fn, 'another function of that text');
});

test('what was refused has not been sent', () => {
  const plain = (x: unknown): unknown => [x];
  assert.throws(() => encodeTask(plain, [Promise.resolve()], OPTIONS), { name: 'SerializationError', path: 'args[0]' });
  assert.equal(encodeTask(plain, [1], OPTIONS).fn, undefined);
});

test('a function is one object in a worker, whether it came with arguments or by its number', () =>
  withChild(async ({ call }) => {
    const counter = function count(): number {
      const own = count as { calls?: number };
      own.calls = (own.calls ?? 0) + 1;
      return own.calls;
    };
    assert.deepEqual([await call(counter), await call(counter), await call(counter)], [1, 2, 3]);
  }));

test('a definition says whether code may run while it is loaded', async () => {
  const mayRun = ({ encoded }: { encoded: Encoded }): boolean => encoded.definitions.some(({ loads }: Definition) => loads);
  const y = 1;
  assert.equal(mayRun(encodeFunction((x: number) => x + 1)), false);
  assert.equal(mayRun(encodeFunction((x: number) => x + y)), false);
  assert.equal(mayRun(encodeFunction(class {})), false);
  assert.equal(mayRun(encodeFunction(Math.max)), false);
  assert.equal(mayRun(encodeFunction((await lib())['exported'])), true);
});
