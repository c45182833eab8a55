/**
 * What mpservice adds to Python's processes: results, errors, waiting for a mixture.
 *
 * Runs in the test process.
 */
import assert from 'node:assert/strict';
import { asCompleted, Event, Process, ProcessPoolExecutor, RemoteError, Thread, wait } from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';
import { Lines, soon } from './process-support.js';

eachKind(
  'wait() and asCompleted() take processes, threads and futures in one mixture, in the order of their ends  [Z-05, Z-06, Z-07, Z-52]',
  async (kind, t) => {
    const [first, second] = [new Event(), new Event()];
    const executor = new kind.Executor({ maxWorkers: 1 });
    t.after(() => executor.shutdown());
    const child = await startChild(kind, t, () => 'child', []);
    const future = executor.submit(async (go: Event) => {
      await go.wait();
      return 'future';
    }, first);
    const thread = new Thread({
      stdio: 'ignore',
      target: async () => {
        await first.wait();
        await second.wait();
        throw new RangeError('of the thread');
      },
    });
    await thread.start();
    const endless = new Process({ target: () => new Promise(() => setInterval(() => {}, 1e6)), stdio: 'ignore' });
    await endless.start();
    const all = [future, thread, child, endless, child];
    const names = (some: Iterable<(typeof all)[number]>) =>
      [...some].map((each) => ['future', 'thread', 'child', 'endless'][all.indexOf(each)]).sort();

    const one = await soon(wait(all, { returnWhen: 'FIRST_COMPLETED' }), 'the first');
    assert.deepEqual([names(one.done), names(one.notDone)], [['child'], ['endless', 'future', 'thread']]);
    const none = await wait([thread, endless], { timeout: 20 });
    assert.deepEqual([names(none.done), names(none.notDone)], [[], ['endless', 'thread']]);

    const order: unknown[] = [];
    const iterator = asCompleted(all, { timeout: 60_000 });
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      const each = next.value;
      order.push(names([each])[0]);
      if (each === child) first.set();
      else if (each === future) second.set();
      else if (each === thread) endless.terminate();
    }
    assert.deepEqual(order, ['child', 'future', 'thread', 'endless']);

    const failed = await soon(wait(all, { returnWhen: 'FIRST_EXCEPTION' }), 'the failure');
    assert.deepEqual(names(failed.done), ['child', 'endless', 'future', 'thread']);
    assert.equal(failed.notDone.size, 0);
    await assert.rejects(thread.join(), RangeError);
    await assert.rejects(wait([new kind.Child()]), { name: 'InvalidStateError' });
    await assert.rejects(wait(all, { returnWhen: 'SOME' as never }), { name: 'RangeError' });
    await endless.join();
  },
);

eachKind(
  'a killed child does not leave wait() or asCompleted() hanging  [Z-23]',
  async (kind, t) => {
    const ready = new Event();
    const child = await startChild(
      kind,
      t,
      () => {
        ready.set();
        return new Promise(() => setInterval(() => {}, 1e6));
      },
      [],
    );
    await soon(ready.wait(), 'ready');
    const waiting = wait([child]);
    const iterating = asCompleted([child]).next();
    process.kill(child.pid as number, 'SIGKILL');
    assert.deepEqual([...(await soon(waiting, 'wait')).done], [child]);
    assert.equal((await soon(iterating, 'asCompleted')).value, child);
    const error = await child.exception();
    assert.deepEqual(
      [(error as Error).name, (error as { signal?: unknown }).signal, (error as { phase?: unknown }).phase],
      ['ProcessDiedError', 'SIGKILL', 'running'],
    );
  },
  ({ separate }) => separate,
);

eachKind(
  'done() and result() before, during and after; every wait for a failure rejects with the same error  [Z-10, Z-11, Z-12, Z-13]',
  async (kind, t) => {
    const go = new Event();
    const unstarted = new kind.Child();
    assert.equal(unstarted.done(), false);
    for (const ask of [() => unstarted.result(), () => unstarted.exception(), () => unstarted.join()])
      await assert.rejects(ask, { name: 'InvalidStateError' });
    const child = await startChild(
      kind,
      t,
      async () => {
        await go.wait();
        throw new SyntaxError('of the target');
      },
      [],
    );
    assert.equal(child.done(), false);
    for (const ask of [() => child.result(1), () => child.exception(1), () => child.join(1)])
      await assert.rejects(ask, { name: 'TimeoutError' });
    go.set();
    const error = await soon(child.exception(), 'exception');
    assert.equal(child.done(), true);
    for (const ask of [() => child.result(), () => child.join(), () => child.join()])
      await assert.rejects(ask, (reason) => reason === error);
  },
);

eachKind(
  'the error of a target is of its class, with the name and stack of the child as its last cause  [Z-16, Z-31, Z-32, Z-33, Z-34, Z-35]',
  async (kind, t) => {
    const failsDeep = () => {
      throw new RangeError('outer', { cause: new TypeError('inner') });
    };
    const child = await startChild(kind, t, failsDeep, []);
    const error = (await soon(child.exception(), 'exception')) as RangeError;
    assert.ok(error instanceof RangeError && error.cause instanceof TypeError);
    const remote = error.cause.cause;
    assert.ok(remote instanceof RemoteError);
    assert.match(remote.message, new RegExp(`^\\[${child.name} pid ${child.pid}\\] RangeError: outer`));
    assert.match(`${remote.stack}`, /at failsDeep .*mpservice\.test/);
    // Passed on by another child it keeps what it had, and says through whom it came.
    const relay = await startChild(
      kind,
      t,
      (given: Error) => {
        throw given;
      },
      [error],
    );
    const again = (await soon(relay.exception(), 'exception')) as RangeError;
    assert.ok(again instanceof RangeError && again.cause instanceof TypeError);
    const chain: string[] = [];
    for (let each: unknown = again; each instanceof Error; each = each.cause) chain.push(each.message.split('\n')[0] as string);
    assert.deepEqual(chain.slice(0, 2), ['outer', 'inner']);
    assert.ok(chain.some((text) => text.startsWith(`[${child.name} pid`)));
  },
);

eachKind(
  'a daemon that fails says so with its stack, as every child does; one without a target just ends  [Z-15, Z-26]',
  async (kind, t) => {
    const fails = () => Promise.reject(new RangeError('of a daemon'));
    const child = await startChild(kind, t, fails, [], { daemon: true, stdio: 'pipe' });
    const text = new Lines(child.stderr as NonNullable<typeof child.stderr>);
    await assert.rejects(soon(child.join(), 'join'), RangeError);
    assert.match(await text.all(), new RegExp(`^Exception in ${child.name}: RangeError: of a daemon\n {4}at `));
    const empty = new kind.Child({ stdio: 'ignore' });
    await empty.start();
    assert.deepEqual([await soon(empty.result(), 'result'), empty.exitCode], [undefined, 0]);
    empty.close();
  },
);

eachKind('a result that cannot be sent is a SerializationError with its path  [Z-25]', async (kind, t) => {
  const child = await startChild(kind, t, () => ({ list: [1, Symbol('no')] }), []);
  await assert.rejects(soon(child.join(), 'join'), { name: 'SerializationError', path: 'result.list[1]' });
  assert.equal(child.exitCode, 1);
});

eachKind(
  'executors and children of contexts and kinds are classes: they can be told apart and derived from  [Z-01, Z-02, Z-53]',
  async (kind, t) => {
    class Mine extends kind.Executor {}
    const executor = new Mine({ maxWorkers: 1 });
    t.after(() => executor.shutdown());
    assert.ok(executor instanceof kind.Executor);
    assert.equal(
      await soon(
        executor.submit((x: number) => x + 1, 1),
        'result',
      ),
      2,
    );
    assert.equal(executor instanceof ProcessPoolExecutor, kind.Executor === ProcessPoolExecutor || kind.separate);
  },
);
