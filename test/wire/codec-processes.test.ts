/** Every kind of value of the contract, through real processes: as an argument, as a result, thrown, and captured. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { MessageTooLargeError, Process, ProcessPoolExecutor, RemoteError } from '#src/index.js';
import { leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';
import { sparse } from './codec-support.js';

const backing = Uint8Array.from({ length: 200 }, (_, i) => i);
const shared = { shared: true };
const cycle: Record<string, unknown> = { shared, again: shared };
cycle['self'] = cycle;
const circular = new Error('a');
circular.cause = new RangeError('b', { cause: circular });

const VALUES: Readonly<Record<string, unknown>> = {
  'minus zero': -0,
  'numbers without order': [Number.NaN, Infinity, -Infinity, 5e-324, Number.MAX_SAFE_INTEGER],
  'many numbers': Array.from({ length: 3000 }, (_, i) => (i < 1000 ? i : i < 2000 ? -i * 100_000 : i / 7)),
  'many texts': Array.from({ length: 300 }, (_, i) => 'é'.repeat(i)),
  'bigints around 2^53 and 2^64': [2n ** 53n, -(2n ** 53n), 2n ** 64n, 2n ** 1000n, 0n],
  'lone surrogates': ['\ud800', 'a\udc00b', '\ud83d'],
  'zero bytes and wide text': ['\0', 'x\0y', '日本語', '😀'],
  'empty things': ['', [], {}, new Map(), new Set(), new Uint8Array(0), Buffer.alloc(0), new ArrayBuffer(0), Object.create(null)],
  nothings: [undefined, null, { a: undefined }],
  'sparse array': sparse(2000, { 3: 'x', 1500: null }),
  'array of holes': new Array(5),
  'array with properties': Object.assign([1, 2], { index: 5, input: 'i' }),
  'match of a regular expression': /(?<b>b)(c)?/d.exec('abd'),
  'null prototype': Object.assign(Object.create(null), { a: Object.create(null) }),
  '__proto__ as data': JSON.parse('{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}}}'),
  'map and set of objects': [new Map<unknown, unknown>([[{ k: 1 }, new Set([[1], { s: 2 }])]]), new Map([[Number.NaN, -0]])],
  dates: [new Date(0), new Date(Number.NaN), new Date(8.64e15)],
  'regular expressions': [/a\/b/giu, new RegExp(''), /\p{L}/u],
  URL: [new URL('https://u:p@host:81/a?b=c#d'), new URLSearchParams('a=1&a=2')],
  boxes: [Object(1), Object('s'), Object(true), Object(1n)],
  'views with offsets': [
    new Uint16Array(backing.buffer, 2, 5),
    new DataView(backing.buffer.slice(3, 10)),
    new Float64Array(backing.buffer, 8, 2),
    backing.subarray(10, 20),
    new BigInt64Array(backing.buffer, 16, 1),
  ],
  buffers: [Buffer.from('text'), Buffer.from(backing.buffer, 5, 9), Buffer.alloc(300_000, 3)],
  cycle,
  'objects of one shape': Array.from({ length: 500 }, (_, id) => ({ id, name: `n${id}`, tags: ['a', id], at: new Date(id) })),
  'object with many keys': Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key ${i}`, i])),
  'deep arrays': Array.from({ length: 200 }).reduce((inner) => [inner], null),
  errors: [
    Object.assign(new TypeError('t', { cause: 3 }), { code: 'E_T' }),
    new AggregateError([new RangeError('r'), 'text'], 'all'),
    new DOMException('stop', 'AbortError'),
    circular,
  ],
};

const WHOLE = { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity, breakLength: 100 } as const;

/** What runs in the child: gives the value back, with how it looked there. */
function echo(value: unknown, options: object): { value: unknown; text: string } {
  return { value, text: inspect(value, options) };
}

function same(copy: unknown, value: unknown, name: string): void {
  assert.equal(inspect(copy, WHOLE), inspect(value, WHOLE), name);
}

/** With the memory of the family brought up before the first count. */
function clean(body: (t: TestContext) => Promise<void>): (t: TestContext) => Promise<void> {
  return leavesNothing(body, {
    warmUp: async () => {
      const process = new Process({ target: () => {}, stdio: 'ignore' });
      await process.start();
      await process.join();
    },
  });
}

test(
  'Process: every kind of value is the same as an argument in the child and as a result in the parent',
  clean(async () => {
    const values = Object.values(VALUES);
    const process = new Process({
      target: (options: object, ...args: unknown[]) => args.map((value) => ({ value, text: inspect(value, options) })),
      args: [WHOLE, ...values],
    });
    await process.start();
    const copies = (await withDeadline(process.result(), 30_000, 'result')) as { value: unknown; text: string }[];
    await process.join();
    Object.keys(VALUES).forEach((name, i) => {
      assert.equal(copies[i]?.text, inspect(values[i], WHOLE), `${name}, in the child`);
      same(copies[i]?.value, values[i], name);
    });
    const buffers = copies[Object.keys(VALUES).indexOf('buffers')]?.value as unknown[];
    assert.ok(buffers.every((buffer) => Buffer.isBuffer(buffer)));
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  }),
);

test(
  'ProcessPoolExecutor: every kind of value is the same as an argument, as a result, captured, and in what is thrown',
  clean(async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    try {
      for (const [name, value] of Object.entries(VALUES)) {
        const { value: copy, text } = await withDeadline(executor.submit(echo, value, WHOLE), 30_000, name);
        assert.equal(text, inspect(value, WHOLE), `${name}, in the worker`);
        same(copy, value, name);
        same(
          await withDeadline(
            executor.submit(() => value),
            30_000,
            name,
          ),
          value,
          `${name}, captured`,
        );
        const thrown = await withDeadline(
          executor
            .submit((cause: unknown) => {
              throw Object.assign(new Error('carrier'), { data: cause });
            }, value)
            .then(assert.fail, (error: unknown) => error as { data: unknown }),
          30_000,
          name,
        );
        same(thrown.data, value, `${name}, on an error`);
      }
    } finally {
      await executor.shutdown();
    }
  }),
);

test(
  'ProcessPoolExecutor: whatever a task throws rejects its future, and says where it was thrown',
  clean(async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const thrownBy = (task: () => never): Promise<unknown> =>
      withDeadline(
        executor.submit(task).then(assert.fail, (error: unknown) => error),
        30_000,
        'rejection',
      );
    try {
      for (const value of [null, undefined, 0, '', 'text', false, 12n, [1], { a: 1 }]) {
        const error = await thrownBy(() => {
          throw value;
        });
        assert.ok(error instanceof RemoteError, inspect(error));
        assert.deepEqual(error.value, value);
      }
      const error = (await thrownBy(() => {
        throw new TypeError('bad row');
      })) as TypeError;
      assert.equal(Object.getPrototypeOf(error), TypeError.prototype);
      const frames = (error.stack ?? '').split('\n').slice(1);
      assert.match(frames[0] ?? '', /codec-processes\.test/);
      assert.ok(
        frames.every((frame) => !frame.includes('worker-main')),
        error.stack,
      );
      assert.equal(inspect(error).split(' pid ').length, 2, inspect(error));
      const ended = (await thrownBy(() => {
        throw new Error('ends', { cause: 3 });
      })) as Error;
      assert.equal(ended.cause, 3);
      assert.match(ended.stack ?? '', /\n    at \[[^\]]+ pid \d+\]$/);
      const loop = (await thrownBy(() => {
        const first = new Error('first');
        first.cause = new Error('second', { cause: first });
        throw first;
      })) as Error;
      assert.equal((loop.cause as Error).cause, loop);
    } finally {
      await executor.shutdown();
    }
  }),
);

test(
  'ProcessPoolExecutor: an argument above 1 GiB is refused at once, and the worker goes on',
  clean(async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    try {
      // Zeros that nobody touched take no memory.
      const huge = Buffer.alloc(2 ** 30 + 1000);
      await assert.rejects(
        withDeadline(
          executor.submit((bytes: Buffer) => bytes.length, huge),
          30_000,
          'rejection',
        ),
        MessageTooLargeError,
      );
      await assert.rejects(
        withDeadline(
          executor.submit(() => Buffer.alloc(2 ** 30 + 1000)),
          30_000,
          'rejection',
        ),
        MessageTooLargeError,
      );
      assert.equal(
        await withDeadline(
          executor.submit((x: number) => x + 1, 1),
          30_000,
          'result',
        ),
        2,
      );
    } finally {
      await executor.shutdown();
    }
  }),
);
