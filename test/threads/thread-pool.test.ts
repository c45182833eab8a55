import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  activeChildren,
  BrokenProcessPoolError,
  BrokenThreadPoolError,
  CancelledError,
  currentProcess,
  Pool,
  ProcessDiedError,
  ProcessPoolExecutor,
  TimeoutError,
} from '#src/index.js';
import { Thread, ThreadPool, ThreadPoolExecutor } from '#src/threads-index.js';
import { soon } from '../process/process-support.js';
import { leavesNothing } from '../support/census.js';

const square = (x: number): number => x * x;
const loop = (): never => {
  for (;;);
};
const fail = (): never => {
  throw Object.assign(new RangeError('too far'), { code: 'E_FAR' });
};
const exit = (): never => process.exit(3);

async function warmUp(): Promise<void> {
  for (const Executor of [ProcessPoolExecutor, ThreadPoolExecutor]) {
    const executor = new Executor({ maxWorkers: 1 });
    await executor.submit(square, 1);
    await executor.shutdown();
  }
}

/** The same test for both kinds of workers. */
for (const kind of [
  { Executor: ProcessPoolExecutor, APool: Pool, Broken: BrokenProcessPoolError, inThread: false },
  { Executor: ThreadPoolExecutor, APool: ThreadPool, Broken: BrokenThreadPoolError, inThread: true },
]) {
  const { Executor, APool, Broken, inThread } = kind;

  test(
    `${Executor.name}: results, errors and maps arrive; its workers are ${inThread ? 'threads' : 'processes'}`,
    leavesNothing(
      async () => {
        const executor = new Executor({ maxWorkers: 2 });
        assert.equal(await soon(executor.submit(square, 12), 'a result'), 144);
        assert.equal((await executor.submit(() => process.pid)) === process.pid, inThread);
        assert.match(await executor.submit(() => currentProcess().name), /^PoolWorker-\d+$/);
        assert.ok(activeChildren().length > 0 && activeChildren().every((child) => child instanceof Thread === inThread));
        await assert.rejects(executor.submit(fail).result(), { name: 'RangeError', code: 'E_FAR' });
        const squares: number[] = [];
        for await (const value of executor.map(square, [1, 2, 3, 4])) squares.push(value);
        assert.deepEqual(squares, [1, 4, 9, 16]);
        await soon(executor.shutdown(), 'shutdown');
      },
      { warmUp },
    ),
  );

  test(
    `${Executor.name}: a task that runs too long is ended, the next one runs`,
    leavesNothing(
      async () => {
        const executor = new Executor({ maxWorkers: 1 });
        await assert.rejects(soon(executor.options({ taskTimeout: 50 }).submit(loop).result(), 'the timeout'), TimeoutError);
        const controller = new AbortController();
        const cancelled = executor.options({ signal: controller.signal }).submit(loop);
        controller.abort();
        await assert.rejects(soon(cancelled.result(), 'the cancellation'), CancelledError);
        assert.equal(await soon(executor.submit(square, 3), 'a result'), 9);
        await soon(executor.shutdown(), 'shutdown');
      },
      { warmUp },
    ),
  );

  test(
    `${Executor.name}: a worker that ends in a task breaks it with ${Broken.name}, or costs that task only`,
    leavesNothing(
      async () => {
        const breaking = new Executor({ maxWorkers: 1 });
        const error = await soon(breaking.submit(exit).exception(), 'the error');
        assert.ok(error instanceof Broken && error.cause instanceof ProcessDiedError);
        assert.equal(error.cause.exitCode, 3);
        assert.match(error.message, inThread ? /A worker thread died/ : /A worker process died/);
        assert.throws(() => void breaking.submit(square, 1), Broken);
        await soon(breaking.shutdown(), 'shutdown');
        const replacing = new Executor({ maxWorkers: 1, onWorkerDeath: 'replace' });
        await assert.rejects(soon(replacing.submit(exit).result(), 'the death'), ProcessDiedError);
        assert.equal(await soon(replacing.submit(square, 5), 'a result'), 25);
        await soon(replacing.terminateWorkers(), 'terminateWorkers');
      },
      { warmUp },
    ),
  );

  test(
    `${APool.name}: map, imap and terminate`,
    leavesNothing(
      async () => {
        const pool = new APool({ processes: 2, initializer: () => void Reflect.set(globalThis, 'initialized', 'set') });
        assert.deepEqual(await soon(pool.map(square, [1, 2, 3]), 'map'), [1, 4, 9]);
        const seen: number[] = [];
        for await (const value of pool.imap(square, [4, 5])) seen.push(value);
        assert.deepEqual(seen, [16, 25]);
        assert.equal(await pool.apply(() => Reflect.get(globalThis, 'initialized') as unknown), 'set');
        const running = pool.applyAsync(loop);
        const rejected = assert.rejects(running.get(), CancelledError);
        await soon(pool.terminate(), 'terminate');
        await rejected;
        await soon(pool.join(), 'join');
      },
      { warmUp },
    ),
  );
}
