import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activeChildren, Process, RemoteError, SerializationError } from '#src/index.js';
import { familyOf } from '../support/family.js';
import { clean, Lines, soon, started } from './process-support.js';

class OrderError extends Error {
  readonly order: { id: number };
  override name = 'OrderError';
  constructor(order: { id: number }) {
    super(`order ${order.id} failed`);
    this.order = order;
  }
}

/** The error of a process with this target. */
// oxlint-disable-next-line typescript/no-explicit-any -- each test knows the fields of its own
async function errorOf(t: Parameters<typeof started>[0], target: () => unknown): Promise<any> {
  const p = await started(t, { target });
  const error = await soon(p.exception(), 'exception');
  await assert.rejects(p.join(), (same) => same === error);
  await assert.rejects(p.result(), (same) => same === error);
  assert.equal(p.exitCode, 1);
  return error;
}

test(
  "Process.join() rejects with the target's error: class, message, code, own fields, and the child's stack as last cause  [Z-13, Z-18]",
  clean(async (t) => {
    const error = await errorOf(t, function failing() {
      throw Object.assign(new RangeError('too far'), { code: 'E_FAR', distance: { km: 7 } });
    });
    assert.equal(error.constructor, RangeError);
    assert.deepEqual([error.message, error.code, error.distance], ['too far', 'E_FAR', { km: 7 }]);
    assert.ok(error.cause instanceof RemoteError);
    assert.match(String(error.cause.stack), /\[Process-\d+ pid \d+\][^]*too far[^]*failing/);
  }),
);

test(
  'Process.join() rejects with an instance of the very class that the target threw, cause and AggregateError.errors included',
  clean(async (t) => {
    const own = await errorOf(t, () => {
      throw new OrderError({ id: 7 });
    });
    assert.ok(own instanceof OrderError, own.stack);
    assert.deepEqual([own.order, own.name], [{ id: 7 }, 'OrderError']);

    const chain = await errorOf(t, () => {
      throw new AggregateError([new TypeError('first'), new OrderError({ id: 8 })], 'all failed', {
        cause: new SyntaxError('why'),
      });
    });
    assert.ok(chain instanceof AggregateError);
    assert.ok(chain.errors[0] instanceof TypeError && chain.errors[1] instanceof OrderError);
    assert.ok(chain.cause instanceof SyntaxError);
    assert.ok((chain.cause as Error).cause instanceof RemoteError);

    const system = await errorOf(t, async () => (await import('node:fs')).readFileSync('/no/such/file'));
    assert.deepEqual([system.code, system.syscall, system.path], ['ENOENT', 'open', '/no/such/file']);
  }),
);

test(
  'Process.join() rejects with RemoteError whose value is what was thrown, when that is no Error  [fault 51]',
  clean(async (t) => {
    for (const value of [null, undefined, 'text', 7, { a: [1] }]) {
      const p = await started(t, { target: (v: unknown) => Promise.reject(v), args: [value] });
      const error = await soon(p.exception(), 'exception');
      assert.ok(error instanceof RemoteError);
      assert.deepEqual(error.value, value);
      await assert.rejects(p.result(), RemoteError);
    }
  }),
);

test(
  'Process.join() rejects with SerializationError and the path when the result cannot be sent  [fault 47, Z-25]',
  clean(async (t) => {
    const error = await errorOf(t, () => ({ list: [1, { gone: new WeakRef({}) }] }));
    assert.ok(error instanceof SerializationError);
    assert.deepEqual([error.path, error.direction], ['result.list[1].gone', 'send']);
  }),
);

test(
  'Process.start() rejects with SerializationError and the path, and nothing is started  [fault 46, P-08]',
  clean(async (t) => {
    const before = familyOf().length;
    const weak = new WeakRef({});
    const take = (...values: unknown[]): number => values.length;
    const cases: [Process, string | RegExp][] = [
      [new Process({ target: take, args: [1, { cb: new WeakMap() }] }), 'args[1].cb'],
      [new Process({ target: () => weak.deref() }), /^target/],
      [new Process({ target: take, args: [Promise.resolve()] }), 'args[0]'],
      [new Process({ target: take, args: [Symbol('s')] }), 'args[0]'],
    ];
    for (const [p, path] of cases) {
      await assert.rejects(p.start(), (error: SerializationError) => {
        assert.ok(error instanceof SerializationError, error.stack);
        if (typeof path === 'string') assert.equal(error.path, path);
        else assert.match(error.path, path);
        return true;
      });
      assert.deepEqual([p.pid, p.isAlive(), p.exitCode, activeChildren()], [undefined, false, null, []]);
      await assert.rejects(p.join(), { name: 'InvalidStateError' });
    }
    assert.equal(familyOf().length, before);
    void t;
  }),
);

test(
  'A Process object cannot be sent: start() says so  [P-07]',
  clean(async () => {
    const p = new Process({ target: () => {} });
    await assert.rejects(new Process({ target: (q: Process) => q.name, args: [p] }).start(), {
      name: 'SerializationError',
      path: 'args[0]',
    });
  }),
);

test(
  'An error of 10 MB and a circular cause arrive whole  [fault 52]',
  clean(async (t) => {
    const large = await errorOf(t, () => {
      throw Object.assign(new Error('x'.repeat(10_000_000)), { data: new Uint8Array(1_000_000).fill(7) });
    });
    assert.equal(large.message.length, 10_000_000);
    assert.equal(large.data.length, 1_000_000);
    const circular = await errorOf(t, () => {
      const error = new Error('round');
      error.cause = error;
      throw error;
    });
    assert.equal(circular.message, 'round');
  }),
);

test(
  'Process.join() rejects with the RangeError of a stack overflow  [fault 55]',
  clean(async (t) => {
    const error = await errorOf(t, () => {
      const deeper = (): number => deeper() + 1;
      return deeper();
    });
    assert.ok(error instanceof RangeError);
  }),
);

test(
  'An unhandled rejection, and an uncaught error in a timer or a handler, end the child with that error  [fault 59]',
  clean(async (t) => {
    const rejected = await errorOf(t, () => {
      void Promise.reject(new TypeError('forgotten'));
      return new Promise(() => void setInterval(() => {}, 1e6));
    });
    assert.ok(rejected instanceof TypeError && rejected.message === 'forgotten');
    const timer = await errorOf(t, () => {
      setTimeout(() => {
        throw new RangeError('late');
      }, 5);
      return new Promise(() => void setInterval(() => {}, 1e6));
    });
    assert.ok(timer instanceof RangeError && timer.cause instanceof RemoteError);
    const nothing = await errorOf(t, () => {
      void Promise.reject(null);
      return new Promise(() => void setInterval(() => {}, 1e6));
    });
    assert.ok(nothing instanceof Error);
  }),
);

test(
  "The user's own handlers of uncaught errors and unhandled rejections are respected",
  clean(async (t) => {
    const p = await started(t, {
      target: () =>
        new Promise<string[]>((resolve) => {
          const seen: string[] = [];
          const note = (error: unknown): void => {
            seen.push((error as Error).message);
            if (seen.length === 2) resolve(seen.sort());
          };
          process.on('uncaughtException', note);
          process.on('unhandledRejection', note);
          setTimeout(() => {
            throw new Error('thrown');
          }, 5);
          void Promise.reject(new Error('rejected'));
        }),
    });
    assert.deepEqual(await soon(p.result(), 'result'), ['rejected', 'thrown']);
    assert.equal(p.exitCode, 0);
  }),
);

test(
  'What a failed child says on its stderr is text to a terminal, whatever its error says',
  clean(async (t) => {
    const p = await started(t, {
      name: 'Baker 100%s',
      stdio: 'pipe',
      target: () => {
        throw new TypeError('burnt \x1b[2J\u202e at %d degrees');
      },
    });
    const text = await new Lines(p.stderr as NonNullable<typeof p.stderr>).all();
    assert.match(text, /^Exception in Baker 100%s: TypeError: burnt \\x1b\[2J\\u202e at %d degrees\n {4}at /);
    await assert.rejects(p.join(), TypeError);
  }),
);

test(
  'A failed child says "Exception in <name>: …" with the stack on its stderr  [Z-14, P-27]',
  clean(async (t) => {
    const p = await started(t, {
      name: 'Baker',
      stdio: 'pipe',
      target: function bake() {
        throw new TypeError('burnt');
      },
    });
    const text = await new Lines(p.stderr as NonNullable<typeof p.stderr>).all();
    assert.match(text, /^Exception in Baker: TypeError: burnt\n\s+at bake \(.*errors\.test/);
    assert.equal(text.match(/burnt/g)?.length, 1);
    await assert.rejects(p.join(), TypeError);
  }),
);
