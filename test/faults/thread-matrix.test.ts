/**
 * The crash matrix of worker threads: every misbehaviour that a thread survives alone, at every place of a task's way, in
 * the executor and the pool, for both answers to a worker's death.
 *
 * Runs in the test process. A signal, a crash of native code and a full heap end the whole process, so they are not in it.
 */
import assert from 'node:assert/strict';
import {
  BrokenThreadPoolError,
  CancelledError,
  Event,
  ProcessDiedError,
  ThreadPool,
  ThreadPoolExecutor,
  TimeoutError,
} from 'multiproc';
import { executorTest, inTime, tasks, until } from '../futures/executor-support.js';
import { misbehave, misbehaveAtImport, MODES, type Mode, runCells, TASK_TIMEOUT_MS } from './misbehaviour.js';

const { act, run, decode, encode, thenIdle, InDecode } = misbehave;

const EXITS = { 'exit 0': 0, 'exit 3': 3 } as const;
const ACTIONS = ['throw', 'throw null', 'stack overflow', ...Object.keys(EXITS), 'unhandled rejection', 'busy loop'];

/** A pool or an executor as the cells use it. */
interface Workers {
  call<A extends unknown[]>(fn: (...args: A) => unknown, args: A, taskTimeout?: number): Promise<unknown>;
  end(): Promise<void>;
  stop(): Promise<void>;
  count(): number;
}
type Open = (mode: Mode, initializer?: (action: string) => void, action?: string) => Workers;

const openExecutor: Open = (onWorkerDeath, initializer, action) => {
  const executor = new ThreadPoolExecutor({ maxWorkers: 1, onWorkerDeath, initializer, initArgs: [action] });
  return {
    call: async (fn, args, taskTimeout) => executor.options({ taskTimeout }).submit(fn, ...args),
    end: () => executor.shutdown(),
    stop: () => executor.killWorkers(),
    count: () => executor.stats().workers,
  };
};
const openPool: Open = (onWorkerDeath, initializer, action) => {
  const pool = new ThreadPool({ processes: 1, onWorkerDeath, initializer, initArgs: [action] });
  return {
    call: async (fn, args, taskTimeout) => pool.apply(fn as (...args: unknown[]) => unknown, args, { taskTimeout }),
    end: () => {
      pool.close();
      return pool.join();
    },
    stop: () => pool.terminate(),
    count: () => 1,
  };
};

const STAGES: Record<string, (open: Open, mode: Mode, action: string, limit: number | undefined) => Misfortune> = {
  'the import of its module': (open, mode, action, limit) =>
    misbehaveAtImport(action, (imported) => {
      const workers = open(mode);
      return { workers, outcome: workers.call(imported, [], limit) };
    }),
  'decoding its argument': (open, mode, action, limit) => {
    const workers = open(mode);
    return { workers, outcome: workers.call(decode, [new InDecode(action)], limit) };
  },
  'its run': (open, mode, action, limit) => {
    const workers = open(mode);
    return { workers, outcome: workers.call(run, [action], limit) };
  },
  'encoding its result': (open, mode, action, limit) => {
    const workers = open(mode);
    return { workers, outcome: workers.call(encode, [action], limit) };
  },
};
interface Misfortune {
  readonly workers: Workers;
  readonly outcome: Promise<unknown>;
}

for (const [name, open] of [
  ['ThreadPoolExecutor', openExecutor],
  ['ThreadPool', openPool],
] as const) {
  for (const [stage, begin] of Object.entries(STAGES)) {
    matrixTest(`${name}: every misbehaviour during ${stage}`, async (action, mode) => {
      const limit = action === 'busy loop' ? TASK_TIMEOUT_MS : undefined;
      const { workers, outcome } = begin(open, mode, action, limit);
      const [error, innocent] = await inTime(Promise.all([outcomeOf(outcome), outcomeOf(workers.call(tasks.square, [4]))]));
      if (action in EXITS && mode === 'break') {
        for (const each of [error, innocent])
          assert.ok(each instanceof BrokenThreadPoolError && each.cause instanceof ProcessDiedError, String(each));
      } else {
        assertOwn(action, error);
        assert.equal(innocent, 16, 'the task behind it is done');
        assert.equal(await inTime(workers.call(tasks.square, [5])), 25, 'it is usable');
      }
      await inTime(workers.end());
    });
  }

  matrixTest(`${name}: every misbehaviour in the initializer`, async (action, mode) => {
    const workers = open(mode, act, action);
    const outcome = outcomeOf(workers.call(tasks.square, [4]));
    if (action === 'busy loop') {
      await inTime(workers.stop());
      assert.ok((await inTime(outcome)) instanceof CancelledError);
      return;
    }
    const error = await inTime(outcome);
    if (action !== 'unhandled rejection') assert.ok(error instanceof BrokenThreadPoolError, String(error));
    await inTime(workers.stop());
  });

  matrixTest(`${name}: every misbehaviour while idle`, async (action, mode) => {
    const workers = open(mode);
    const begins = new Event();
    await inTime(workers.call(thenIdle, [action, begins]));
    await inTime(begins.wait()); // a task that is sent before may be the one that is being prepared then, and fails
    if (action === 'busy loop') {
      const outcome = outcomeOf(workers.call(tasks.square, [4]));
      await inTime(workers.stop());
      assert.ok((await inTime(outcome)) instanceof CancelledError);
      return;
    }
    if (open === openExecutor) await until(() => workers.count() === 0, 'the end of the worker');
    const outcome = await inTime(outcomeOf(workers.call(tasks.square, [4])));
    if (outcome !== 16)
      assert.ok(
        action in EXITS ? outcome instanceof BrokenThreadPoolError || outcome instanceof ProcessDiedError : false,
        String(outcome),
      );
    await inTime(workers.stop());
  });
}

/** One row of the matrix, cell by cell; what fails is told by cell. */
function matrixTest(row: string, cell: (action: string, mode: Mode) => Promise<unknown>): void {
  const title = `thread matrix: ${row}, for 'break' and 'replace' (${ACTIONS.length * MODES.length} cells)`;
  executorTest(
    title,
    () => runCells(ACTIONS, 1, cell),
    // Node leaves the file open that it loads for a thread when that ends: here the module of the task behind.
    { allow: [/^file descriptor \d+: .*tasks\.mjs$/] },
  );
}

function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

/** The error is the misbehaving task's own; an unhandled rejection may come after its result. */
function assertOwn(action: string, error: unknown): void {
  if (action === 'unhandled rejection') {
    if (error instanceof Error) assert.ok(error instanceof RangeError && error.message === 'misbehaved', String(error));
  } else if (action in EXITS) {
    assert.ok(error instanceof ProcessDiedError, String(error));
    assert.equal(error.exitCode, EXITS[action as keyof typeof EXITS]);
  } else if (action === 'busy loop') assert.ok(error instanceof TimeoutError, String(error));
  else
    assert.ok(
      error instanceof Error && !(error instanceof ProcessDiedError) && !(error instanceof BrokenThreadPoolError),
      String(error),
    );
}
