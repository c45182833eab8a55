/**
 * The crash matrix of the executor: every misbehaviour at every place of a task's way, for both answers to a
 * worker's death. Each cell: every future settles with the right class, in time, and nothing is left.
 *
 * Runs in the test process; workers misbehave by fixtures (`misbehave.mjs`) or at the injection points.
 */
import assert from 'node:assert/strict';
import {
  BrokenProcessPoolError,
  CancelledError,
  ProcessDiedError,
  ProcessPoolExecutor,
  TimeoutError,
  type Future,
} from 'multiproc';
import { executorTest, inTime, isAlive, tasks, until, withExecutor } from '../futures/executor-support.js';
import { misbehave, misbehaveAtImport, MODES, type Mode, runCells, TASK_TIMEOUT_MS } from './misbehaviour.js';
import { makeHeapsSmall, withSmallHeap } from './small-heap.js';

const { act, run, decode, encode, thenIdle, InDecode } = misbehave;

const DEATHS = { 'exit 0': 0, 'exit 3': 3, SIGKILL: -9, SIGSEGV: -11, 'out of memory': -6 } as const;
const ERRORS = ['throw', 'throw null', 'stack overflow'] as const;
/** Only a time limit ends them. */
const HANGS = ['busy loop', 'SIGSTOP'];
const ACTIONS = [...ERRORS, ...Object.keys(DEATHS), 'unhandled rejection', ...HANGS];
const CELLS_AT_ONCE = 6;

const STAGES: Record<string, (executor: Submits, action: string) => Future<unknown>> = {
  'the import of its module': (executor, action) => misbehaveAtImport(action, (imported) => executor.submit(imported)),
  'decoding its argument': (executor, action) => executor.submit(decode, new InDecode(action)),
  'its run': (executor, action) => executor.submit(run, action),
  'encoding its result': (executor, action) => executor.submit(encode, action),
};
type Submits = Pick<ProcessPoolExecutor, 'submit'>;

for (const [stage, submit] of Object.entries(STAGES)) {
  const phase = stage === 'encoding its result' ? 'returning' : 'running';
  matrixTest(`every misbehaviour during ${stage}`, ACTIONS, (action, mode) =>
    withExecutor({ maxWorkers: 1, onWorkerDeath: mode }, async (executor) => {
      const limited = HANGS.includes(action) ? executor.options({ taskTimeout: TASK_TIMEOUT_MS }) : executor;
      const future = withSmallHeap(action, () => submit(limited, action));
      const behind = executor.submit(tasks.square, 4);
      const [error, innocent] = await inTime(Promise.all([future.exception(), behind.exception()]));
      if (action in DEATHS) {
        const exitCode = DEATHS[action as keyof typeof DEATHS];
        if (mode === 'break') return assertBroken(executor, [error, innocent], exitCode, phase);
        assertDied(error, exitCode, phase);
      } else if (HANGS.includes(action)) assert.ok(error instanceof TimeoutError, String(error));
      else if (action === 'unhandled rejection')
        assert.ok(error === null || (error instanceof RangeError && error.message === 'misbehaved'), String(error));
      else
        assert.ok(
          error instanceof Error && !(error instanceof BrokenProcessPoolError) && !(error instanceof ProcessDiedError),
          String(error),
        );
      assert.equal(innocent, null, 'the task behind it is done');
      assert.equal(await inTime(behind), 16);
      assert.equal(await inTime(executor.submit(tasks.square, 5)), 25, 'the executor is usable');
    }),
  );
}

matrixTest(
  'every misbehaviour in the initializer',
  ACTIONS.filter((action) => action !== 'out of memory'),
  misfortuneOfInitializer,
);

executorTest('matrix: a full heap in the initializer, also of those that replace the dead', async () => {
  const restore = makeHeapsSmall();
  try {
    for (const mode of MODES) await misfortuneOfInitializer('out of memory', mode);
  } finally {
    restore();
  }
});

async function misfortuneOfInitializer(action: string, mode: Mode): Promise<void> {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1, onWorkerDeath: mode, initializer: act, initArgs: [action] });
  const futures = [executor.submit(tasks.square, 4), executor.submit(tasks.square, 5)];
  const outcomes = Promise.all(futures.map((future) => future.exception().catch((error: unknown) => error)));
  if (HANGS.includes(action)) {
    await inTime(executor.killWorkers());
    assert.ok((await outcomes).every((error) => error instanceof CancelledError));
    return;
  }
  const errors = await inTime(outcomes);
  if (action in DEATHS) assertBroken(executor, errors, DEATHS[action as keyof typeof DEATHS], 'initializing');
  else if (action === 'unhandled rejection') {
    // It may be noticed only when a task runs already, and belongs to that one then.
    assert.ok(
      errors.every((error) => error === null || error instanceof RangeError || error instanceof BrokenProcessPoolError),
      String(errors),
    );
  } else {
    for (const error of errors)
      assert.ok(
        error instanceof BrokenProcessPoolError && error.cause instanceof Error && !(error.cause instanceof ProcessDiedError),
        String(error),
      );
    assert.throws(() => executor.submit(tasks.square, 1), BrokenProcessPoolError);
  }
  await inTime(executor.shutdown());
}

matrixTest('every misbehaviour while idle', ACTIONS, async (action, mode) => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1, onWorkerDeath: mode });
  const pid = await inTime(withSmallHeap(action, () => executor.submit(thenIdle, action)));
  if (HANGS.includes(action)) {
    const cancelled = assert.rejects(executor.submit(tasks.square, 4).exception(), CancelledError);
    await inTime(executor.killWorkers());
    await cancelled;
    return;
  }
  await until(() => !isAlive(pid), 'the end of the worker');
  let error: unknown;
  try {
    error = await inTime(executor.submit(tasks.square, 4).exception());
  } catch (thrown) {
    error = thrown;
  }
  if (action in DEATHS && mode === 'break') assertBroken(executor, [error], DEATHS[action as keyof typeof DEATHS], 'idle');
  else assert.equal(error, null);
  await inTime(executor.shutdown());
});

/** Larger than a ring: by shared memory. */
const LARGE = 2_000_000;
/** So large that it goes through the ring. */
const HUGE = 40_000_000;

/** What a worker with the fault does of a task with such a result. */
async function withFault(fault: string, mode: Mode, size: number): Promise<{ outcome: unknown; executor: ProcessPoolExecutor }> {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1, onWorkerDeath: mode });
  process.env['MULTIPROC_FAULT'] = fault;
  const future = executor.submit(tasks.bytes, size);
  delete process.env['MULTIPROC_FAULT']; // only the first worker has it
  const outcome = await inTime(
    future.then(
      (bytes) => bytes.length,
      (error: unknown) => error,
    ),
    fault,
  );
  return { outcome, executor };
}

const FAULT_EXITS = { kill: -9, exit0: 0 } as const;
/** The death is that of the task, in this phase. */
const BEGUN = {
  'task.beforeDecode': 'running',
  'task.running': 'running',
  'shelf.written': 'returning',
  'result.beforeSend': 'returning',
  'ring.betweenChunks': 'returning',
  'ring.betweenChunks@5': 'returning',
  'ring.afterReserve@3': 'returning',
  'ring.beforeCommit@3': 'returning',
} as const;
/** The worker dies before it has begun anything. */
const NOT_BEGUN = {
  'spawn.afterExec': 'starting',
  'boot.beforeReady': 'starting',
  'worker.initializing': 'initializing',
  'ring.beforeCommit@1': 'starting',
} as const;
/** Before or after, as it happens. */
const EITHER = [
  'ring.beforeHead@1',
  'ring.beforeHead@2',
  'ring.beforeHead@3',
  'ring.beforeHead@4',
  'doorbell.beforeRing@1',
  'doorbell.beforeRing@2',
  'doorbell.beforeRing@3',
  'ring.beforeCommit@2',
];

for (const [point, phase] of Object.entries({ ...BEGUN, ...NOT_BEGUN })) {
  const size = point.startsWith('ring.') ? HUGE : LARGE;
  matrixTest(`every death at ${point}`, Object.keys(FAULT_EXITS), async (action, mode) => {
    const { outcome, executor } = await withFault(faultOf(point, action), mode, size);
    const exitCode = FAULT_EXITS[action as keyof typeof FAULT_EXITS];
    if (mode === 'break') assertBroken(executor, [outcome], exitCode, phase);
    else if (point in BEGUN) assertDied(outcome, exitCode, phase);
    else assert.equal(outcome, size, 'the task runs in another worker');
    if (mode === 'replace') assert.equal(await inTime(executor.submit(tasks.square, 5)), 25);
    await inTime(executor.shutdown());
  });
}

for (const point of EITHER) {
  matrixTest(`every death at ${point}`, Object.keys(FAULT_EXITS), async (action, mode) => {
    const { outcome, executor } = await withFault(faultOf(point, action), mode, LARGE);
    if (outcome !== LARGE) {
      if (mode === 'break')
        assert.ok(outcome instanceof BrokenProcessPoolError && outcome.cause instanceof ProcessDiedError, String(outcome));
      else assert.ok(outcome instanceof ProcessDiedError, String(outcome));
    }
    if (mode === 'replace') assert.equal(await inTime(executor.submit(tasks.square, 5)), 25);
    await inTime(executor.shutdown());
  });
}

/** One row of the matrix: each action for both modes, a few cells at a time; what fails is told by cell. */
function matrixTest(row: string, actions: readonly string[], cell: (action: string, mode: Mode) => Promise<unknown>): void {
  executorTest(`matrix: ${row}, for 'break' and 'replace' (${actions.length * MODES.length} cells)`, () =>
    runCells(actions, CELLS_AT_ONCE, cell),
  );
}

/** `point@n` and an action as the variable has it. */
function faultOf(point: string, action: string): string {
  const [name, at] = point.split('@');
  return `${name}:${action}${at === undefined ? '' : `@${at}`}`;
}

function assertDied(error: unknown, exitCode: number, phase: string): void {
  assert.ok(error instanceof ProcessDiedError, String(error));
  assert.deepEqual([error.exitCode, error.phase], [exitCode, phase]);
}

function assertBroken(executor: ProcessPoolExecutor, errors: readonly unknown[], exitCode: number, phase: string): void {
  for (const error of errors) {
    assert.ok(error instanceof BrokenProcessPoolError, String(error));
    assertDied(error.cause, exitCode, phase);
  }
  assert.throws(() => executor.submit(tasks.square, 1), BrokenProcessPoolError);
}
