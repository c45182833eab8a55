import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect, types } from 'node:util';
import { RemoteError, SerializationError } from '#src/errors.js';
import type { WireExtension } from '#src/wire/codec-types.js';
import { registerExtension } from '#src/wire/codec.js';
import { decodeFailure, encodeFailure } from '#src/wire/remote-error.js';
import { fields } from './codec-support.js';

const ORIGIN = { name: 'Process-1', pid: 123 };

function sent(error: unknown): unknown {
  const { buffer, start, end } = encodeFailure(error, ORIGIN);
  return decodeFailure(buffer, start, end);
}

/** The errors of a chain of causes. */
function chain(error: unknown): Error[] {
  const found: Error[] = [];
  for (let at = error; at instanceof Error && !found.includes(at); at = at.cause) {
    found.push(at);
  }
  return found;
}

test('decodeFailure() gives an error of the same class with the stack it had, and a RemoteError as last cause', () => {
  const error = Object.assign(new TypeError('bad', { cause: new RangeError('why') }), { code: 'E_BAD', list: [1] });
  const copy = sent(error) as typeof error;
  assert.equal(Object.getPrototypeOf(copy), TypeError.prototype);
  assert.deepEqual([copy.message, copy.code, copy.list, copy.stack], ['bad', 'E_BAD', [1], error.stack]);
  const [, why, remote, ...more] = chain(copy);
  assert.ok(why instanceof RangeError && remote instanceof RemoteError);
  assert.deepEqual(more, []);
  assert.ok(remote.message.includes('[Process-1 pid 123] TypeError: bad'));
  assert.ok(remote.stack?.includes('[Process-1 pid 123]') && remote.stack.includes(error.stack as string));
  assert.equal(remote.remoteName, 'TypeError');
});

test('decodeFailure() gives a RemoteError with the value for whatever else was thrown', () => {
  for (const value of [null, undefined, 0, 'text', 12n, { a: [1] }, [1], false, new Map([[1, 2]])]) {
    const error = sent(value);
    assert.ok(error instanceof RemoteError);
    assert.deepEqual(error.value, value);
    assert.match(error.message, /\[Process-1 pid 123\]/);
  }
});

test('decodeFailure() gives the text of a thrown value that cannot be sent', () => {
  const symbol = sent(Symbol('why')) as RemoteError;
  assert.deepEqual([symbol instanceof RemoteError, symbol.value], [true, 'Symbol(why)']);
  assert.match(String((sent({ f() {} }) as RemoteError).value), /Function: f/);
  assert.ok(
    sent(
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error('trap');
          },
        },
      ),
    ) instanceof RemoteError,
  );
  assert.match((sent(new Proxy(new TypeError('hidden'), {})) as RemoteError).message, /hidden/);
});

test('encodeFailure() leaves out properties that cannot be sent, and says which', () => {
  const inner = Object.assign(new RangeError('inner'), { socket: process.stdin, keep: 1 });
  const error = Object.assign(new Error('outer', { cause: inner }), {
    callback() {},
    promise: Promise.resolve(),
    ok: { a: 1 },
    tail: 'x',
  });
  const copy = sent(error) as typeof error;
  assert.deepEqual(fields(copy), { ok: { a: 1 }, tail: 'x' });
  const [, copiedInner, remote] = chain(copy);
  assert.deepEqual(fields(copiedInner), { keep: 1 });
  assert.match(remote?.message ?? '', /error\.callback: it is a function/);
  assert.match(remote?.message ?? '', /error\.promise/);
  assert.match(remote?.message ?? '', /error\.cause\.socket/);
});

test('encodeFailure() survives getters that throw', () => {
  const error = new Error('m');
  Object.defineProperty(error, 'bad', {
    get() {
      throw new Error('getter');
    },
    enumerable: true,
  });
  Object.defineProperty(error, 'nested', {
    value: {
      get bad(): never {
        throw new Error('getter');
      },
    },
    enumerable: true,
  });
  const copy = sent(error) as Error;
  assert.equal(copy.message, 'm');
  assert.deepEqual(Object.keys(copy), []);
  for (const key of ['message', 'stack', 'name', 'cause'] as const) {
    const hostile = new TypeError('m');
    Object.defineProperty(hostile, key, {
      get() {
        throw new Error('getter');
      },
      enumerable: false,
    });
    assert.ok(sent(hostile) instanceof Error, key);
  }
  class Hostile extends Error {
    override get name(): string {
      throw new Error('getter');
    }
  }
  assert.ok(sent(new Hostile('m')) instanceof Error);
});

test('encodeFailure() keeps shared objects whole beside what it leaves out', () => {
  const shared = { a: 1 };
  const many = Array.from({ length: 30 }, (_, i) => ({ i, shared }));
  const error = Object.assign(new Error('m'), {
    first: shared,
    bad: [shared, many, { x: () => 1 }],
    many,
    last: [shared, many[3]],
  });
  const copy = sent(error) as typeof error;
  assert.deepEqual(Object.keys(copy), ['first', 'many', 'last']);
  assert.equal(copy.last[0], copy.first);
  assert.equal(copy.last[1], copy.many[3]);
  assert.deepEqual(copy.many, many);
});

test('encodeFailure() keeps circular causes, and cuts chains at 32', () => {
  const circular = new Error('a');
  circular.cause = new Error('b', { cause: circular });
  const copy = sent(circular) as Error;
  assert.equal((copy.cause as Error).cause, copy);
  let error = new Error('0');
  for (let i = 1; i < 100; i++) {
    error = new Error(String(i), { cause: error });
  }
  const errors = chain(sent(error));
  assert.equal(errors.length, 34);
  assert.ok(errors.at(-1) instanceof RemoteError);
  assert.match(errors.at(-1)?.message ?? '', /cut/);
});

test('decodeFailure() names the process in the stack where a chain of causes has no place for it', () => {
  const error = Object.assign(new Error('m', { cause: { code: 5 } }), { bad() {} });
  const copy = sent(error) as Error;
  assert.deepEqual(copy.cause, { code: 5 });
  assert.ok(
    copy.stack?.startsWith(`${error.stack}\n    at [Process-1 pid 123]\n(left out, because it cannot be sent: error.bad: `),
  );
  const circular = new Error('a');
  circular.cause = new Error('b', { cause: circular });
  assert.equal((sent(circular) as Error).stack, `${circular.stack}\n    at [Process-1 pid 123]`);
  assert.equal((sent(new Error('m', { cause: null })) as Error).cause, null);
  const explicit = sent(new Error('m', { cause: undefined })) as Error;
  assert.ok(explicit.cause instanceof RemoteError);
});

test('decodeFailure() gives an error that names its process once when it is printed', () => {
  for (const error of [new TypeError('m'), new Error('m', { cause: new Error('n') }), new Error('m', { cause: 3 })]) {
    const text = inspect(sent(error));
    assert.equal(text.split('[Process-1 pid 123]').length, 2, text);
    assert.doesNotMatch(text, /undefined/);
  }
  const thrown = inspect(sent({ code: 5 }));
  assert.match(thrown, /value: \{ code: 5 \}/);
  assert.doesNotMatch(thrown, /remoteName/);
});

test('encodeFailure() takes how multiproc called the task out of the stack', () => {
  const own = new URL('../../dist/workers/worker-main.js', import.meta.url).href;
  const user = '    at task (file:///app/tasks.js:1:2)';
  const end = `    at #call (${own}:1:2)\n    at async file:///other.js:1:2`;
  const error = Object.assign(new Error('m'), { name: 'E' });
  const stackOf = (stack: string) => (sent(Object.defineProperty(error, 'stack', { value: stack })) as Error).stack;
  assert.equal(stackOf(`E: m\n${user}\n    at #call (${own}:1:2)\n    at async ${own}:1:3`), `E: m\n${user}`);
  assert.equal(
    stackOf(`E: m\n${user}\n    at #call (${own}:1:2)\n    at process.processTicksAndRejections (node:internal/process:1:2)`),
    `E: m\n${user}`,
  );
  for (const kept of [
    `E: m\n${user}\n${end}`,
    `E: m\n    at #call (${own}:1:2)`,
    'E: m',
    `E: m\n${user}\n    at node:internal/x:1:2`,
  ]) {
    assert.equal(stackOf(kept), kept);
  }
});

test('decodeFailure() adds one RemoteError for each process an error came through', () => {
  const twice = sent(sent(new TypeError('m')));
  assert.deepEqual(
    chain(twice).map((error) => error.name),
    ['TypeError', 'RemoteError', 'RemoteError'],
  );
});

test('encodeFailure() carries frozen errors, stack overflows, SerializationErrors and DOMExceptions', () => {
  assert.ok(chain(sent(Object.freeze(new Error('frozen'))))[1] instanceof RemoteError);
  const overflow = (): unknown => overflow();
  try {
    overflow();
  } catch (error) {
    assert.ok(sent(error) instanceof RangeError);
  }
  const unsendable = sent(new SerializationError('no', { path: 'result.f' })) as SerializationError;
  assert.deepEqual([unsendable instanceof SerializationError, unsendable.path], [true, 'result.f']);
  const abort = sent(new DOMException('stop', 'AbortError')) as DOMException;
  assert.ok(abort instanceof DOMException && abort.name === 'AbortError');
  assert.ok(!types.isProxy(abort) && chain(abort)[1] instanceof RemoteError);
});

test('encodeFailure() sends text when the error is above the limit in bytes or too deep', () => {
  const huge = Object.assign(new TypeError('huge'), { data: 'x'.repeat(200_000) });
  const { buffer, start, end } = encodeFailure(huge, ORIGIN, { maxBytes: 100_000 });
  const error = decodeFailure(buffer, start, end) as RemoteError;
  assert.deepEqual([error instanceof RemoteError, error.remoteName], [true, 'TypeError']);
  assert.match(inspect(error), /remoteName: 'TypeError'/);
  assert.match(error.stack ?? '', /TypeError: huge\n +at /);
  const [big] = chain(sent(new Error('m'.repeat(1_000_000))));
  assert.equal(big?.message.length, 1_000_000);
});

test('decodeFailure() gives a RemoteError where the class of an error cannot be rebuilt', () => {
  class Unloadable extends Error {}
  const extension: WireExtension = {
    tag: 58,
    name: 'unloadable',
    matches: (value) => value instanceof Unloadable,
    encode: () => undefined,
    decode() {
      throw new Error('no such module');
    },
  };
  registerExtension(extension);
  const error = sent(new Unloadable('mine')) as RemoteError;
  assert.ok(error instanceof RemoteError);
  assert.equal(error.remoteName, 'Unloadable');
  assert.match(error.message, /Unloadable: mine/);
  assert.match(String((error.cause as Error).message), /no such module/);
});
