import assert from 'node:assert/strict';
import { BrokenExecutorError, DeserializationError, ProcessDiedError, SerializationError } from '#src/index.js';
import { range, withExecutorOf } from '../futures/conformance-support.js';
import { errorOf, FIXTURES, gate, inTime, tasks, until } from '../futures/executor-support.js';
import { eachKind, type Kind } from '../support/kinds.js';

interface Misbehave {
  act(action: string): unknown;
  run(action: string): unknown;
  decode(value: unknown): unknown;
  encode(action: string): unknown;
  InDecode: new (action: string) => object;
}
const { run, decode, encode, InDecode } = (await import(new URL('misbehave.mjs', FIXTURES).href)) as Misbehave;

/** Cannot be rebuilt where it arrives. */
class Unreadable {
  readonly where: string;
  constructor(where: string) {
    this.where = where;
  }
  static [Symbol.for('multiproc.serialize')](instance: Unreadable): string {
    return instance.where;
  }
  static [Symbol.for('multiproc.deserialize')](where: string): Unreadable {
    if (where === 'result') throw new RangeError('not readable here');
    return new Unreadable(where);
  }
}
const giveUnreadable = () => new Unreadable('result');

/** What ends a worker of this kind. */
const endings = ({ separate }: Kind) => (separate ? ['exit 3', 'SIGKILL', 'SIGSEGV'] : ['exit 3']);

eachKind(
  'an argument that cannot be sent fails its task; the executor goes on [ExecutorDeadlockTest.test_error_at_task_pickle E-05]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      assert.ok((await errorOf(executor.submit(tasks.identity, Symbol('no value')))) instanceof SerializationError);
      assert.equal(await inTime(executor.submit(tasks.square, 2)), 4);
    }),
);

eachKind(
  'an error while an argument is rebuilt fails its task; the executor goes on [ExecutorDeadlockTest.test_error_at_task_unpickle fault 49]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const error = await errorOf(executor.submit(decode, new InDecode('throw')));
      assert.ok(error instanceof DeserializationError, String(error));
      assert.equal(await inTime(executor.submit(tasks.square, 2)), 4);
    }),
);

for (const [stage, submit, python] of [
  [
    'an argument is rebuilt',
    (executor, action) => executor.submit(decode, new InDecode(action)),
    '[ExecutorDeadlockTest.test_exit_at_task_unpickle ExecutorDeadlockTest.test_crash_at_task_unpickle]',
  ],
  [
    'the task runs',
    (executor, action) => executor.submit(run, action),
    '[ExecutorDeadlockTest.test_exit_during_func_exec_on_worker ExecutorDeadlockTest.test_crash_during_func_exec_on_worker]',
  ],
  [
    'the result is encoded',
    (executor, action) => executor.submit(encode, action),
    '[ExecutorDeadlockTest.test_exit_during_result_pickle_on_worker ExecutorDeadlockTest.test_crash_during_result_pickle_on_worker]',
  ],
] as [string, (executor: InstanceType<Kind['Executor']>, action: string) => PromiseLike<unknown>, string][]) {
  eachKind(`a worker that ends while ${stage} breaks the executor, or costs its task; nothing hangs ${python}`, async (kind) => {
    for (const action of endings(kind)) {
      const strict = new kind.Executor({ maxWorkers: 2 });
      if (!kind.separate) await inTime(strict.broadcast(tasks.lengthOf, 'x')); // see below
      const error = await errorOf(submit(strict, action));
      assert.ok(error instanceof BrokenExecutorError && error.cause instanceof ProcessDiedError, `${action}: ${String(error)}`);
      await inTime(strict.shutdown());
      await withExecutorOf(kind, { maxWorkers: 2, onWorkerDeath: 'replace' }, async (lenient) => {
        assert.ok((await errorOf(submit(lenient, action))) instanceof ProcessDiedError, action);
        assert.equal(await inTime(lenient.submit(tasks.square, 2)), 4);
      });
    }
  });
}

eachKind(
  'an error of the task, or of encoding its result, is that of its future [ExecutorDeadlockTest.test_error_during_func_exec_on_worker ExecutorDeadlockTest.test_error_during_result_pickle_on_worker]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      assert.ok((await errorOf(executor.submit(run, 'throw'))) instanceof RangeError);
      const error = await errorOf(executor.submit(encode, 'throw'));
      assert.ok(error instanceof SerializationError || error instanceof RangeError, String(error));
      assert.equal(await inTime(executor.submit(tasks.square, 2)), 4);
    }),
);

eachKind(
  'a result that cannot be rebuilt here fails its future only [ExecutorDeadlockTest.test_error_during_result_unpickle_in_result_handler ExecutorDeadlockTest.test_exit_during_result_unpickle_in_result_handler fault 48 E-07]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const [error, innocent] = await inTime(
        Promise.all([errorOf(executor.submit(giveUnreadable)), executor.submit(tasks.square, 2)]),
      );
      assert.ok(error instanceof DeserializationError, String(error));
      assert.equal(innocent, 4);
    }),
);

eachKind(
  'shutdown() while a worker is being killed ends [ExecutorDeadlockTest.test_shutdown_deadlock]',
  async (kind) => {
    const executor = new kind.Executor({ maxWorkers: 2 });
    await inTime(executor.submit(tasks.square, 2));
    const error = errorOf(executor.submit(tasks.die, 'SIGKILL'));
    await inTime(executor.shutdown());
    assert.ok((await error) instanceof BrokenExecutorError);
  },
  ({ separate }) => separate,
);

eachKind(
  'shutdown() right after a task that cannot be sent ends, waiting or not [ExecutorDeadlockTest.test_shutdown_deadlock_pickle ExecutorShutdownTest.test_hang_gh94440 gh-94440]',
  async (kind) => {
    for (const wait of [true, false]) {
      const executor = new kind.Executor({ maxWorkers: 2 });
      await inTime(executor.submit(tasks.square, 42));
      const error = errorOf(executor.submit(tasks.identity, Symbol('no value')));
      await inTime(executor.shutdown({ wait }));
      assert.ok((await error) instanceof SerializationError);
      await inTime(executor.shutdown());
    }
  },
);

eachKind(
  'a worker that ends while large tasks are on their way to it: everything settles [ExecutorDeadlockTest.test_crash_big_data gh-94777]',
  async (kind) => {
    const data = Buffer.alloc(20_000_000, 1);
    const executor = new kind.Executor({ maxWorkers: 2 });
    await inTime(executor.broadcast(tasks.lengthOf, 'x')); // a thread that is ended while node loads a module leaves its file open
    const [ending] = endings(kind) as [string];
    const futures = [executor.submit(run, ending), ...range(4).map(() => executor.submit(tasks.lengthOf, data))];
    const outcomes = await inTime(Promise.allSettled(futures));
    assert.equal(outcomes[0]?.status, 'rejected');
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof BrokenExecutorError, String(outcome.reason));
    await inTime(executor.shutdown());
  },
);

eachKind(
  'thousands of results while nobody turns the event loop fill nothing up [ExecutorDeadlockTest.test_gh105829_should_not_deadlock_if_wakeup_pipe_full gh-105829]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
      await inTime(executor.broadcast(tasks.square, 1));
      const futures = range(5000).map((x) => executor.submit(tasks.square, x));
      const end = Date.now() + 300;
      while (Date.now() < end); // the workers answer meanwhile
      const more = range(5000).map((x) => executor.submit(tasks.identity, 'x'.repeat(x % 2000)));
      assert.equal((await inTime(Promise.all(futures))).length, 5000);
      assert.equal((await inTime(Promise.all(more))).length, 5000);
    }),
);

eachKind('a worker that ends under a backlog of large results harms none of those that arrived [gh-94777]', async (kind, t) => {
  const { path, open } = gate(t);
  await withExecutorOf(kind, { maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    const held = executor.submit(tasks.block<number>, path, 1);
    await until(() => held.running(), 'the task to run');
    const large = range(5).map(() => executor.submit(tasks.bytes, 3_000_000));
    const ending = errorOf(executor.submit(tasks.exit, 3));
    const after = range(3).map(() => executor.submit(tasks.bytes, 1_000_000));
    open();
    assert.deepEqual(
      (await inTime(Promise.all(large))).map((bytes) => bytes.length),
      range(5).map(() => 3_000_000),
    );
    assert.ok((await ending) instanceof ProcessDiedError);
    assert.deepEqual(
      (await inTime(Promise.all(after))).map((bytes) => bytes.length),
      range(3).map(() => 1_000_000),
    );
    assert.equal(await inTime(held), 1);
  });
});
