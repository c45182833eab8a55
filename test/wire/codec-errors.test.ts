import assert from 'node:assert/strict';
import { test } from 'node:test';
import { types } from 'node:util';
import * as errors from '#src/errors.js';
import { registerExtension } from '#src/wire/codec.js';
import { fields, nest, Point, pointExtension, refusal, roundTrip } from './codec-support.js';

registerExtension(pointExtension);

class CustomError extends RangeError {
  readonly extra = { deep: [1] };
  get level() {
    return 5;
  }
}

test('encodeValue() keeps the errors of the language with class, stack and properties', () => {
  for (const ErrorClass of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
    const error = Object.assign(new ErrorClass('why', { cause: { a: 1 } }), { code: 'E_CODE', list: [1] });
    const copy = roundTrip(error) as typeof error;
    assert.equal(Object.getPrototypeOf(copy), ErrorClass.prototype);
    assert.ok(types.isNativeError(copy));
    assert.deepEqual(
      [copy.message, copy.stack, copy.cause, fields(copy)],
      ['why', error.stack, { a: 1 }, { code: 'E_CODE', list: [1] }],
    );
    assert.deepEqual(Object.keys(copy), ['code', 'list']);
  }
  assert.ok(!Object.hasOwn(roundTrip(new Error()) as Error, 'message'));
  assert.ok(!Object.hasOwn(roundTrip(new Error('x')) as Error, 'cause'));
  assert.ok(Object.hasOwn(roundTrip(new Error('x', { cause: undefined })) as Error, 'cause'));
});

test('encodeValue() keeps AggregateError, DOMException and AssertionError', () => {
  const aggregate = roundTrip(new AggregateError([new TypeError('a'), 'b'], 'all')) as AggregateError;
  assert.ok(aggregate instanceof AggregateError && aggregate.errors[0] instanceof TypeError);
  assert.equal(aggregate.errors[1], 'b');
  const abort = roundTrip(AbortSignal.abort().reason) as DOMException;
  assert.ok(abort instanceof DOMException);
  assert.deepEqual([abort.name, abort.code], ['AbortError', 20]);
  try {
    assert.deepEqual({ a: 1 }, { a: 2 });
  } catch (error) {
    const copy = roundTrip(error) as assert.AssertionError;
    assert.ok(copy instanceof assert.AssertionError);
    assert.deepEqual([copy.code, copy.actual, copy.expected], ['ERR_ASSERTION', { a: 1 }, { a: 2 }]);
  }
});

test('encodeValue() keeps the errors of Node with their code', async () => {
  const { readFile } = await import('node:fs/promises');
  const missing = await readFile('/no/such/file').catch((error: unknown) => error);
  const copy = roundTrip(missing) as NodeJS.ErrnoException;
  assert.deepEqual([copy.code, copy.errno, copy.syscall, copy.path], ['ENOENT', -2, 'open', '/no/such/file']);
  assert.throws(
    () => Buffer.from(1 as never),
    (error) => {
      const typeError = roundTrip(error) as NodeJS.ErrnoException;
      assert.ok(typeError instanceof TypeError);
      return typeError.code === 'ERR_INVALID_ARG_TYPE' && typeError.name === 'TypeError';
    },
  );
});

test('encodeValue() keeps every class of errors.ts with all of its fields', () => {
  const samples = new Map<string, Error>([
    ['BufferTooShortError', new errors.BufferTooShortError('m', new Uint8Array([1, 2]))],
    ['SerializationError', new errors.SerializationError('m', { path: 'args[0]', direction: 'receive' })],
    ['LockOwnerDiedError', new errors.LockOwnerDiedError('m', { pid: 5 })],
    [
      'ProcessDiedError',
      new errors.ProcessDiedError('m', { pid: 1, exitCode: -9, signal: 'SIGKILL', phase: 'running', taskId: 3, hint: 'h' }),
    ],
    ['SystemError', new errors.SystemError('m', { code: 'ENOSPC', errno: 28, syscall: 'write' })],
    ['ResourceExhaustedError', new errors.ResourceExhaustedError('m', { code: 'EMFILE', errno: 24, syscall: 'open' })],
    ['RemoteError', new errors.RemoteError('m', { value: { a: 1 }, remoteName: 'Foo', stack: 'a stack' })],
  ]);
  for (const [name, ErrorClass] of Object.entries(errors)) {
    const error = samples.get(name) ?? new (ErrorClass as new (message: string) => Error)('m');
    const copy = roundTrip(error) as Error;
    assert.equal(Object.getPrototypeOf(copy), ErrorClass.prototype, name);
    assert.equal(copy.name, name);
    assert.equal(copy.stack, error.stack);
    assert.deepEqual(fields(copy), fields(error));
  }
});

test('encodeValue() gives an error of an unknown class as its nearest known one', () => {
  const error = new CustomError('mine');
  const copy = roundTrip(error) as CustomError;
  assert.equal(Object.getPrototypeOf(copy), RangeError.prototype);
  assert.deepEqual([copy.name, copy.message, copy.stack, copy.extra], ['CustomError', 'mine', error.stack, { deep: [1] }]);
  assert.deepEqual(Object.keys(copy), ['extra']);
  const named = Object.assign(new Error('m'), { name: 'Renamed' });
  assert.equal((roundTrip(named) as Error).name, 'Renamed');
  class OnPrototype extends Error {
    override get message() {
      return 'from the prototype';
    }
  }
  assert.equal((roundTrip(new OnPrototype()) as Error).message, 'from the prototype');
  assert.ok(roundTrip(Object.create(Error.prototype)) instanceof Error);
});

test('encodeValue() keeps errors whose causes are circular', () => {
  const error = new Error('a');
  error.cause = new TypeError('b', { cause: error });
  const copy = roundTrip({ error }) as { error: Error };
  assert.equal((copy.error.cause as Error).cause, copy.error);
});

test('decodeValue() leaves Error.stackTraceLimit as it was', () => {
  const { stackTraceLimit } = Error;
  roundTrip(new Error('x'));
  assert.equal(Error.stackTraceLimit, stackTraceLimit);
});

test('encodeValue() refuses what only its own process can have, and says where it stands', () => {
  class Custom {}
  const symbol = Symbol('s');
  const cases: [unknown, string, RegExp][] = [
    [{ list: [1, 2, { f() {} }] }, 'result.list[2].f', /it is a function, \[Function: f\]/],
    [class Foo {}, 'result', /it is a class, \[class Foo\]/],
    [{ list: [0, 0, 0, new Map([['k', symbol]])] }, 'result.list[3].get("k")', /it is a symbol, Symbol\(s\)/],
    [
      new Map([
        [{ a: 1 }, 1],
        [new Custom(), 2],
      ] as [object, number][]),
      'result.keys()[1]',
      /an instance of Custom/,
    ],
    [new Map([[{ a: 1 }, new Custom()]]), 'result.get({ a: 1 })', /an instance of Custom/],
    [new Set([1, symbol]), 'result.values()[1]', /symbol/],
    [{ 'a-b': { 0: [symbol] } }, 'result["a-b"][0][0]', /symbol/],
    [Object.assign([1], { extra: symbol }), 'result.extra', /symbol/],
    [new Error('x', { cause: { deep: [symbol] } }), 'result.cause.deep[0]', /symbol/],
    [new AggregateError([new Error('y', { cause: symbol })]), 'result.errors[0].cause', /symbol/],
    [new Point(1, { f: [symbol] }), 'result.y.f[0]', /symbol/],
    [{ p: Promise.resolve() }, 'result.p', /await it/],
    [new WeakMap(), 'result', /WeakMap/],
    [new WeakSet(), 'result', /WeakSet/],
    [new WeakRef({}), 'result', /WeakRef/],
    [{ proxy: new Proxy({}, {}) }, 'result.proxy', /Proxy/],
    [new Proxy([], {}), 'result', /Proxy/],
    [(function* () {})(), 'result', /generator/],
    [[1].values(), 'result', /iterator/],
    [new Map().entries(), 'result', /iterator/],
    [{ out: process.stdin }, 'result.out', /stream/],
    [new ReadableStream(), 'result', /stream/],
    [new SharedArrayBuffer(8), 'result', /SharedArrayBuffer/],
    [new Uint8Array(new SharedArrayBuffer(8)), 'result', /SharedArrayBuffer/],
    [new Intl.NumberFormat('en'), 'result', /Intl.NumberFormat/],
    [
      Reflect.construct(Reflect.get(Reflect.get(globalThis, 'WebAssembly') as object, 'Memory') as new () => object, [
        { initial: 1 },
      ]),
      'result',
      /WebAssembly.Memory/,
    ],
    [Object(symbol), 'result', /box/],
    [new (class Cache extends Map {})(), 'result', /instance of/],
    [new (class List extends Array {})(), 'result', /instance of List/],
    [new (class Bytes extends Uint8Array {})(2), 'result', /instance of Bytes/],
    [new (class When extends Date {})(), 'result', /instance of When/],
    [Object.create(Date.prototype), 'result', /Date/],
    [Object.create({ inherited: 1 }), 'result', /a prototype of its own/],
    [new AbortController().signal, 'result', /AbortSignal/],
    [fetch, 'result', /function/],
  ];
  for (const [value, path, reason] of cases) {
    const error = refusal(value);
    assert.equal(error.path, path);
    assert.match(error.message, reason);
    assert.ok(error.message.startsWith(`Cannot send ${path}: `));
    assert.deepEqual([error.code, error.direction], ['ERR_MP_SERIALIZATION', 'send']);
  }
  assert.equal(roundTrip('still works'), 'still works');
});

test('encodeValue() refuses detached memory', () => {
  const buffer = new ArrayBuffer(8);
  const view = new Uint8Array(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  assert.match(refusal(buffer).message, /transferred/);
  assert.match(refusal([view]).message, /transferred/);
});

test('encodeValue() says which property threw, with its error as cause', () => {
  const boom = new TypeError('boom');
  const bad = {
    fine: 1,
    get bad(): never {
      throw boom;
    },
  };
  assert.deepEqual([refusal({ a: [bad] }).path, refusal({ a: [bad] }).cause], ['result.a[0].bad', boom]);
  assert.equal(
    refusal(
      Object.defineProperty(Object.create(null), 'x', {
        get() {
          throw boom;
        },
        enumerable: true,
      }),
    ).path,
    'result.x',
  );
  assert.equal(
    refusal(
      Object.defineProperty([1, 2], 1, {
        get() {
          throw boom;
        },
      }),
    ).path,
    'result[1]',
  );
  assert.match(
    refusal({
      get x(): never {
        throw null;
      },
    }).message,
    /threw null/,
  );
  assert.match(
    refusal({
      get x(): never {
        throw Object.create(null);
      },
    }).message,
    /threw/,
  );
});

test('encodeValue() never runs the traps of a Proxy', () => {
  const trap = () => assert.fail('a trap ran');
  const proxy: unknown = new Proxy(
    {},
    { get: trap, ownKeys: trap, getPrototypeOf: trap, has: trap, getOwnPropertyDescriptor: trap },
  );
  assert.equal(refusal([proxy]).path, 'result[0]');
});

test('encodeValue() refuses 100 000 levels with a SerializationError', () => {
  for (const wrap of [
    (v: unknown) => [v],
    (v: unknown) => ({ v }),
    (v: unknown) => new Map([[1, v]]),
    (v: unknown) => new Error('e', { cause: v }),
    (v: unknown) => new Point(v, 1),
  ]) {
    const error = refusal(nest(100_000, wrap));
    assert.match(error.message, /nested too deep/);
    assert.ok(error.path.length < 400);
  }
});
