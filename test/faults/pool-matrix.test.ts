/**
 * The crash matrix of the pool: every misbehaviour at every place of a task's way, by `apply`, `map` and `imap`, for
 * both answers to a worker's death. Each cell: every result settles with the right class, in time, and nothing is left.
 *
 * Runs in the test process; workers misbehave by fixtures (`misbehave.mjs`) or at the injection points.
 */
import assert from 'node:assert/strict';
import { BrokenProcessPoolError, CancelledError, Pool, ProcessDiedError, TimeoutError } from 'multiproc';
import { executorTest, inTime, tasks } from '../futures/executor-support.js';
import { misbehave, MODES, type Mode, runCells, TASK_TIMEOUT_MS } from './misbehaviour.js';
import { withSmallHeap } from './small-heap.js';

const { act, run, encode } = misbehave;

const DEATHS = { 'exit 0': 0, 'exit 3': 3, SIGKILL: -9, SIGSEGV: -11, 'out of memory': -6 } as const;
/** Only a time limit ends them. */
const HANGS = ['busy loop', 'SIGSTOP'];
const ACTIONS = ['throw', 'throw null', 'stack overflow', ...Object.keys(DEATHS), 'unhandled rejection', ...HANGS];
const CELLS_AT_ONCE = 4;

/** Ways to hand a pool one task that misbehaves. */
const WAYS: Record<
  string,
  (pool: Pool, fn: (action: string) => unknown, action: string, taskTimeout?: number) => Promise<unknown>
> = {
  apply: (pool, fn, action, taskTimeout) => pool.apply(fn, [action], { taskTimeout }),
  map: (pool, fn, action, taskTimeout) => pool.map(fn, [action], { taskTimeout, chunkSize: 3 }),
  imap: (pool, fn, action, taskTimeout) => pool.imap(fn, [action], { taskTimeout }).next(),
};

for (const [way, call] of Object.entries(WAYS)) {
  for (const [stage, fn] of Object.entries({ 'its run': run, 'encoding its result': encode })) {
    matrixTest(`${way}(): every misbehaviour during ${stage}`, ACTIONS, async (action, mode) => {
      const pool = withSmallHeap(action, () => new Pool({ processes: 1, onWorkerDeath: mode }));
      const limit = HANGS.includes(action) ? TASK_TIMEOUT_MS : undefined;
      const [error, innocent] = await inTime(
        Promise.all([outcomeOf(call(pool, fn, action, limit)), outcomeOf(pool.apply(tasks.square, [4]))]),
      );
      if (action in DEATHS && mode === 'break') {
        for (const each of [error, innocent])
          assert.ok(each instanceof BrokenProcessPoolError && each.cause instanceof ProcessDiedError, String(each));
        assert.throws(() => pool.applyAsync(tasks.square, [1]), BrokenProcessPoolError);
      } else {
        assertOwn(action, error);
        assert.equal(innocent, 16, 'the task behind it is done');
        assert.equal(await inTime(pool.apply(tasks.square, [5])), 25, 'the pool is usable');
      }
      pool.close();
      await inTime(pool.join());
    });
  }
}

// A heap that fills up in each worker: see the executor's matrix.
matrixTest(
  'every misbehaviour in the initializer',
  ACTIONS.filter((action) => action !== 'out of memory'),
  async (action, mode) => {
    const pool = new Pool({ processes: 1, onWorkerDeath: mode, initializer: act, initArgs: [action] });
    const outcomes = [pool.apply(tasks.square, [4]), pool.map(tasks.square, [1, 2, 3]), pool.imap(tasks.square, [1]).next()].map(
      outcomeOf,
    );
    if (HANGS.includes(action)) {
      await inTime(pool.terminate());
      for (const each of await inTime(Promise.all(outcomes))) assert.ok(each instanceof CancelledError, String(each));
      return;
    }
    const errors = await inTime(Promise.all(outcomes));
    if (action !== 'unhandled rejection')
      for (const each of errors) assert.ok(each instanceof BrokenProcessPoolError, String(each));
    await inTime(pool.terminate());
  },
);

/** Where a worker may die on the way of a task whose result is larger than its ring. */
const POINTS = [
  'spawn.afterExec',
  'boot.beforeReady',
  'worker.initializing',
  'task.beforeDecode',
  'task.running',
  'result.beforeSend',
  'ring.betweenChunks',
  'ring.afterReserve@3',
  'ring.beforeCommit@2',
  'ring.beforeHead@2',
  'doorbell.beforeRing@2',
];

for (const point of POINTS) {
  matrixTest(`every death at ${point}`, ['kill', 'exit0'], async (action, mode) => {
    const [name, at] = point.split('@');
    process.env['MULTIPROC_FAULT'] = `${name}:${action}${at === undefined ? '' : `@${at}`}`;
    const pool = new Pool({ processes: 1, onWorkerDeath: mode });
    delete process.env['MULTIPROC_FAULT']; // only the first worker has it
    const mapped = await inTime(outcomeOf(pool.map(tasks.bytes, [2_000_000])));
    if (mapped instanceof Error) {
      const right = mode === 'break' ? mapped instanceof BrokenProcessPoolError : mapped instanceof ProcessDiedError;
      assert.ok(right, String(mapped));
    } else assert.equal((mapped as Uint8Array[])[0]?.length, 2_000_000);
    if (mode === 'replace') assert.equal(await inTime(pool.apply(tasks.square, [5])), 25);
    await inTime(pool.terminate());
  });
}

/** One row of the matrix: each action for both modes, a few cells at a time; what fails is told by cell. */
function matrixTest(row: string, actions: readonly string[], cell: (action: string, mode: Mode) => Promise<unknown>): void {
  executorTest(`pool matrix: ${row}, for 'break' and 'replace' (${actions.length * MODES.length} cells)`, () =>
    runCells(actions, CELLS_AT_ONCE, cell),
  );
}

function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

/** The error is the misbehaving task's own; an unhandled rejection may come after its result. */
function assertOwn(action: string, error: unknown): void {
  if (action === 'unhandled rejection') {
    if (error instanceof Error) assert.ok(error instanceof RangeError && error.message === 'misbehaved', String(error));
  } else if (action in DEATHS) {
    assert.ok(error instanceof ProcessDiedError, String(error));
    assert.equal(error.exitCode, DEATHS[action as keyof typeof DEATHS]);
  } else if (HANGS.includes(action)) assert.ok(error instanceof TimeoutError, String(error));
  else
    assert.ok(
      error instanceof Error && !(error instanceof ProcessDiedError) && !(error instanceof BrokenProcessPoolError),
      String(error),
    );
}
