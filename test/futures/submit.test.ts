/* oxlint-disable unicorn/no-thenable -- tasks may give thenables */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { runInThisContext } from 'node:vm';
import { DeserializationError, ProcessPoolExecutor, RemoteError, SerializationError } from 'multiproc';
import { errorOf, executorTest, FIXTURES, inTime, tasks, until, withExecutor } from './executor-support.js';

const MIB = 2 ** 20;

function notExported(x: number): number {
  return x + 1000;
}

/** Gives `object` a `then` that resolves. */
function thenable(object: object, value: number): Promise<number> {
  return Object.defineProperty(object, 'then', {
    value: (resolve: (value: number) => void) => resolve(value),
  }) as Promise<number>;
}

executorTest('submit() runs exported functions, local ones, arrows, async functions and classes', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const factor = 3;
    assert.equal(await executor.submit(tasks.square, 12), 144);
    assert.equal(await executor.submit(tasks.add, 1, 2, 3, 4), 10);
    assert.equal(await executor.submit(tasks.add), 0);
    assert.equal(await executor.submit(notExported, 1), 1001);
    assert.equal(await executor.submit((x: number) => x * factor, 5), 15);
    assert.equal(await executor.submit(async (x: number) => (await import('node:path')).join('a', String(x)), 5), 'a/5');
    assert.equal(await executor.submit(tasks.later, 'late'), 'late');
    assert.equal(await executor.submit(Math.max, 3, 9, 4), 9);
    const point = await executor.submit(tasks.Point as never as (x: number, y: number) => InstanceType<typeof tasks.Point>, 3, 4);
    assert.ok(point instanceof tasks.Point);
    assert.equal(point.norm(), 5);
    assert.notEqual(await executor.submit(tasks.pid), process.pid);
    assert.equal(await executor.submit(tasks.ppid), process.pid);
  }),
);

executorTest('submit() reads a captured value once, and keeps what it shares with the arguments', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    let reads = 0;
    const captured = {
      get value() {
        reads += 1;
        return reads;
      },
    };
    assert.equal(await executor.submit(() => captured.value), 1);
    assert.equal(reads, 1);
    const shared = { list: [1] };
    assert.equal(await executor.submit((given: unknown) => given === shared, shared), true);
    assert.equal(await executor.submit((given: unknown) => given === captured, shared), false);
  }),
);

executorTest('submit() finds captured variables however they are written, and takes no other word for one', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const größe = 3;
    const $_ = 4;
    const own = { own: 5 };
    // biome-ignore format: the escape is what this is about
    const escaped = runInThisContext('(y) => (x) => x + \\u0079')(6) as (x: number) => number;
    assert.equal(await executor.submit(escaped, 1), 7);
    assert.equal(await executor.submit((x: number) => x + größe, 1), 4);
    assert.equal(await executor.submit((x: number) => x + $_, 1), 5);
    assert.equal(await executor.submit(() => `own ${[own].map(({ own }) => own).join()}`), 'own 5');
    const unsendable = new WeakMap();
    assert.equal(await executor.submit((unsendable: number) => `unsendable ${unsendable}`, 1), 'unsendable 1');
    assert.ok(unsendable instanceof WeakMap);
  }),
);

executorTest('submit() runs functions that use nothing around them, in the mode they were written in', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const sloppy = <F>(text: string): F => runInThisContext(`(${text})`) as F;
    assert.equal(await executor.submit(sloppy<() => string>('function () { return typeof this }')), 'object');
    assert.equal(await executor.submit(sloppy<(x: number) => number>('(async) => async + 1'), 1), 2);
    assert.equal(await executor.submit(sloppy<(x: number) => number>('async => async + 010'), 1), 9);
    assert.equal(await executor.submit(sloppy<{ function(): number }>('{ function() { return 3 } }').function), 3);
    assert.equal(await executor.submit(sloppy<{ async(x: number): number }>('{ async (x) { return x } }').async, 4), 4);
    assert.equal(
      await executor.submit(function (this: unknown) {
        return typeof this;
      }),
      'undefined',
    );
    assert.equal(await executor.submit((n: number) => new Array(n).fill(n).map((x) => x * 2).length, 4), 4);
  }),
);

executorTest('submit() sends the values that a closure captures at that moment', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    let counter = 0;
    const read = () => counter;
    const futures = [];
    for (; counter < 20; counter++) futures.push(executor.submit(read));
    counter = 99;
    assert.deepEqual(
      await inTime(Promise.all(futures)),
      Array.from({ length: 20 }, (_, i) => i),
    );
    const state = { list: [1] };
    const last = () => state.list.at(-1);
    const first = executor.submit(last);
    state.list.push(2);
    assert.deepEqual([await first, await executor.submit(last)], [1, 2]);
  }),
);

executorTest('a task that gives a thenable, another promise or a function resolves as await would', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    assert.equal(await executor.submit(() => thenable({}, 4)), 4);
    assert.equal(await executor.submit(() => thenable(() => 1, 5)), 5);
    assert.equal(await executor.submit(() => Promise.resolve(Promise.resolve(6))), 6);
    const twice = (await executor.submit(() => (x: number) => x * 2)) as (x: number) => number;
    assert.equal(twice(21), 42);
    const error = await errorOf(
      executor.submit(() =>
        Object.defineProperty({}, 'then', {
          get() {
            throw new RangeError('no then');
          },
        }),
      ),
    );
    assert.ok(error instanceof RangeError && error.message === 'no then');
    assert.equal(await executor.submit(tasks.square, 2), 4);
  }),
);

executorTest('arguments and results of any size arrive whole: 0 bytes, 300 KB above the ring, 60 MB [fault 56]', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    for (const size of [0, 1, 300_000, 262_144, 60 * MIB]) {
      assert.equal(await inTime(executor.submit(tasks.lengthOf, Buffer.alloc(size, 1)), `an argument of ${size} B`), size);
      const result = await inTime(executor.submit(tasks.bytes, size), `a result of ${size} B`);
      assert.equal(result.length, size);
    }
    const text = 'ä€😀'.repeat(200_000);
    assert.equal(await inTime(executor.submit(tasks.identity<string>, text)), text);
    const random = createHash('sha512').update('seed').digest();
    const data = Buffer.concat(
      Array.from({ length: 40_000 }, (_, i) => createHash('sha512').update(random).update(String(i)).digest()),
    );
    const back = await inTime(Promise.all(Array.from({ length: 6 }, () => executor.submit(tasks.identity<Uint8Array>, data))));
    for (const each of back) assert.equal(Buffer.compare(each, data), 0);
  }),
);

executorTest('large arguments for several workers at once neither block the event loop nor one another', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    let turns = 0;
    const ticker = setInterval(() => turns++, 1);
    const futures = Array.from({ length: 8 }, () => executor.submit(tasks.lengthOf, Buffer.alloc(8 * MIB)));
    const small = Array.from({ length: 50 }, (_, i) => executor.submit(tasks.square, i));
    assert.deepEqual(
      await inTime(Promise.all(small)),
      Array.from({ length: 50 }, (_, i) => i * i),
    );
    assert.deepEqual(
      await inTime(Promise.all(futures)),
      Array.from({ length: 8 }, () => 8 * MIB),
    );
    clearInterval(ticker);
    assert.ok(turns > 0);
  }),
);

executorTest("a task's own error arrives as its class, with code, fields, cause and the worker's stack", () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const error = await errorOf(executor.submit(tasks.fail, 'mine'));
    assert.ok(error instanceof RangeError);
    assert.deepEqual([error.message, error['code'], error['detail']], ['mine', 'E_MINE', { a: 1 }]);
    assert.ok(error.cause instanceof RemoteError);
    assert.match(String((error.cause as Error).stack), /tasks\.mjs/);
    const chain = await errorOf(
      executor.submit(() => {
        throw new AggregateError([new TypeError('one'), new Error('two')], 'all', { cause: new SyntaxError('why') });
      }),
    );
    assert.ok(chain instanceof AggregateError && chain.errors[0] instanceof TypeError && chain.cause instanceof SyntaxError);
    assert.equal(await executor.submit(tasks.square, 3), 9);
  }),
);

executorTest(
  'a thrown null, undefined, string or object rejects with RemoteError and it as value, never resolves [fault 51]',
  () =>
    withExecutor({ maxWorkers: 1 }, async (executor) => {
      const pid = await executor.submit(tasks.pid);
      for (const value of [null, undefined, 'text', 0, { a: 1 }]) {
        const error = await errorOf(executor.submit(tasks.throwValue, value));
        assert.ok(error instanceof RemoteError, String(error));
        assert.deepEqual(error.value, value);
        const later = await errorOf(executor.submit(async (each: unknown) => Promise.reject(each), value));
        assert.ok(later instanceof RemoteError);
        assert.deepEqual(later.value, value);
      }
      assert.equal(await executor.submit(tasks.pid), pid, 'the worker stays');
    }),
);

executorTest('a thrown thing that misbehaves when it is looked at fails its task only [fault 50, 52]', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const pid = await executor.submit(tasks.pid);
    const evil: (() => never)[] = [
      () => {
        throw {
          get message(): never {
            throw new Error('message');
          },
        };
      },
      () => {
        throw Object.defineProperty(new Error('x'), 'stack', {
          get() {
            throw new Error('stack');
          },
        });
      },
      () => {
        throw new Proxy(new Error('x'), {
          get() {
            throw new Error('trap');
          },
          getPrototypeOf() {
            throw new Error('trap');
          },
        });
      },
      () => {
        const error = new Error('cycle');
        error.cause = error;
        throw error;
      },
      () => {
        throw Object.assign(new Error('unsendable field'), { socket: new WeakMap() });
      },
      () => {
        throw Symbol('symbol');
      },
      () => {
        throw () => 1;
      },
      () => {
        class NeedsArguments extends Error {
          constructor(first: { name: string }) {
            super(first.name);
          }
        }
        throw new NeedsArguments({ name: 'built' });
      },
    ];
    for (const each of evil) await errorOf(executor.submit(each), each.toString());
    assert.equal(await executor.submit(tasks.pid), pid);
  }),
);

executorTest('what cannot be sent fails its own task only, with the path of the bad value [fault 46, 47, 53, 54]', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const pid = await executor.submit(tasks.pid);
    const argument = await errorOf(executor.submit(tasks.add as never, 1 as never, { cb: new WeakMap() } as never));
    assert.ok(argument instanceof SerializationError, String(argument));
    assert.equal(argument.path, 'args[1].cb');
    assert.equal(argument.direction, 'send');
    const result = await errorOf(executor.submit(() => ({ deep: [new WeakSet()] })));
    assert.ok(result instanceof SerializationError, String(result));
    assert.equal(result.path, 'result.deep[0]');
    const secret = new WeakMap();
    const captured = await errorOf(executor.submit(() => secret));
    assert.ok(captured instanceof SerializationError, String(captured));
    const getter = await errorOf(
      executor.submit(() => ({
        get bad(): never {
          throw new RangeError('getter');
        },
      })),
    );
    assert.match(`${getter.message} ${String(getter.cause)}`, /getter/);
    let nested: unknown[] = [];
    for (let i = 0; i < 100_000; i++) nested = [nested];
    assert.ok((await errorOf(executor.submit(tasks.identity<unknown>, nested))) instanceof SerializationError);
    const cycle: { self?: unknown; n: number } = { n: 1 };
    cycle.self = cycle;
    const back = await executor.submit(tasks.identity<typeof cycle>, cycle);
    assert.equal(back.self, back);
    assert.equal(await executor.submit(tasks.pid), pid, 'the worker stays');
    assert.throws(() => executor.submit('no function' as never), TypeError);
    assert.throws(() => executor.submit(undefined as never), TypeError);
  }),
);

executorTest('an argument or a result that fails while it is rebuilt rejects its task only [fault 48, 49]', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const { Grumpy } = (await import(new URL('grumpy.mjs', FIXTURES).href)) as {
      Grumpy: new (where: string) => { where: string };
    };
    const pid = await executor.submit(tasks.pid);
    const inWorker = await errorOf(executor.submit(tasks.identity<unknown>, new Grumpy('worker')));
    assert.ok(inWorker instanceof DeserializationError, String(inWorker));
    const here = await errorOf(executor.submit((make: typeof Grumpy) => new make('parent'), Grumpy));
    assert.ok(here instanceof DeserializationError, String(here));
    assert.equal(await executor.submit(tasks.pid), pid, 'the worker stays');
  }),
);

executorTest('a stack overflow in a task rejects it, and the worker goes on [fault 55]', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const pid = await executor.submit(tasks.pid);
    assert.ok((await errorOf(executor.submit(tasks.recurse))) instanceof RangeError);
    assert.equal(await executor.submit(tasks.pid), pid);
  }),
);

executorTest('__proto__ and constructor in a value stay data [fault 60]', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const value = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as object;
    const back = await executor.submit(tasks.identity<object>, value);
    assert.deepEqual(Object.keys(back), ['__proto__', 'constructor']);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    assert.equal(await executor.submit(() => ({}) as { polluted?: number }).then((each) => each.polluted), undefined);
  }),
);

executorTest(
  'an error in a timer or an unhandled rejection rejects the running task with it; the worker is replaced, nothing breaks [fault 59]',
  () =>
    withExecutor({ maxWorkers: 1 }, async (executor) => {
      const pid = await executor.submit(tasks.pid);
      const rejection = executor.submit(tasks.unhandled, 'rejected by nobody');
      const innocents = Array.from({ length: 5 }, (_, i) => executor.submit(tasks.square, i));
      const error = await errorOf(rejection);
      assert.equal(error.message, 'rejected by nobody');
      assert.deepEqual(await inTime(Promise.all(innocents)), [0, 1, 4, 9, 16]);
      const second = await executor.submit(tasks.pid);
      assert.notEqual(second, pid);
      assert.equal((await errorOf(executor.submit(tasks.timerError, 'in a timer'))).message, 'in a timer');
      assert.notEqual(await executor.submit(tasks.pid), second);
    }),
);

executorTest('an error after the end of its task costs the worker, not the result and not the executor [fault 22, 59]', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const late = () => {
      process.stderr.write = () => true;
      setTimeout(() => {
        throw new Error('after the end');
      }, 1);
      return process.pid;
    };
    const pid = await executor.submit(late);
    await until(() => !alive(pid), 'the end of the worker');
    assert.notEqual(await executor.submit(tasks.pid), pid);
  }),
);

executorTest('executors nest: a task may use one of its own', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const inner = async (n: number) => {
      const { ProcessPoolExecutor: Inner } = await import('multiproc');
      const own = new Inner({ maxWorkers: 2 });
      const squares = await Promise.all(Array.from({ length: n }, (_, i) => own.submit((x: number) => x * x, i)));
      const pid = await own.submit(() => process.ppid);
      await own.shutdown();
      return { squares, ownChild: pid === process.pid };
    };
    assert.deepEqual(await inTime(executor.submit(inner, 4)), { squares: [0, 1, 4, 9], ownChild: true });
  }),
);

executorTest('two executors at once have workers of their own', async () => {
  const [one, two] = [new ProcessPoolExecutor({ maxWorkers: 1 }), new ProcessPoolExecutor({ maxWorkers: 1 })];
  const [first, second] = await inTime(Promise.all([one.submit(tasks.pid), two.submit(tasks.pid)]));
  assert.notEqual(first, second);
  const many = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? one : two).submit(tasks.square, i));
  assert.deepEqual(
    await inTime(Promise.all(many)),
    Array.from({ length: 200 }, (_, i) => i * i),
  );
  await one.shutdown();
  assert.equal(await two.submit(tasks.square, 9), 81);
  await two.shutdown();
});

executorTest('100 000 tasks cost the same each, however many are pending', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const run = async (count: number) => {
      const futures = Array.from({ length: count }, (_, i) => executor.submit(tasks.square, i));
      let sum = 0;
      for (const future of futures) sum += await future;
      assert.equal(sum, ((count - 1) * count * (2 * count - 1)) / 6);
    };
    await inTime(run(1000));
    await inTime(run(100_000), '100 000 tasks');
  }),
);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
