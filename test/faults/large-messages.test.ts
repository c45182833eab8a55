/**
 * Deaths while large messages lie in shared memory (`message-shelf.ts`): nobody ever reads what was written for another.
 *
 * Runs in the test process; workers die at injection points, by their tasks and by limits.
 */
import assert from 'node:assert/strict';
import { CancelledError, Pool, ProcessDiedError, ProcessPoolExecutor, ThreadPoolExecutor, TimeoutError } from 'multiproc';
import { closeAfter, errorOf, executorTest, inTime, program, shutDownAfter, workerPids } from '../futures/executor-support.js';
import { seededRandom } from '../support/seeded-random.js';

const MIB = 2 ** 20;

/** The first byte, if all are the same, and the bytes. */
function same(bytes: Buffer): { fill: number; echo: Buffer } {
  const fill = bytes[0] ?? -1;
  if (bytes.some((byte) => byte !== fill)) throw new Error('bytes of several messages');
  return { fill, echo: bytes };
}

/** The same, or the end of the worker. */
function sameOrDeath(bytes: Buffer, dies: boolean): { fill: number; echo: Buffer } {
  if (dies) process.kill(process.pid, 'SIGKILL');
  return same(bytes);
}

function isOf(fill: number, length: number, { fill: seen, echo }: { fill: number; echo: Buffer }): void {
  assert.equal(seen, fill);
  assert.equal(echo.length, length);
  assert.ok(echo.every((byte) => byte === fill));
}

for (const [point, phase] of [
  ['shelf.read', 'running'],
  ['task.running', 'running'],
  ['shelf.written', 'returning'],
  ['result.beforeSend', 'returning'],
] as const) {
  executorTest(
    `a worker dies at ${point} with a large message: a task with retries runs again with the same bytes [fault 2, 30]`,
    () =>
      shutDownAfter(new ProcessPoolExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }), async (executor) => {
        process.env['MULTIPROC_FAULT'] = `${point}:kill`;
        const lost = executor.submit(same, Buffer.alloc(MIB, 1));
        const again = executor.options({ retries: 1 }).submit(same, Buffer.alloc(MIB, 2));
        const other = executor.submit(same, Buffer.alloc(MIB, 3));
        delete process.env['MULTIPROC_FAULT']; // only the first worker has it
        const error = await errorOf(lost);
        assert.ok(error instanceof ProcessDiedError, String(error));
        assert.deepEqual([error.exitCode, error.phase], [-9, phase]);
        isOf(2, MIB, await inTime(again));
        isOf(3, MIB, await inTime(other));
        const dying = executor.options({ retries: 2 }).submit(sameOrDeath, Buffer.alloc(MIB, 4), true);
        assert.ok((await errorOf(dying)) instanceof ProcessDiedError);
        isOf(5, MIB, await inTime(executor.submit(same, Buffer.alloc(MIB, 5))));
      }),
  );
}

executorTest(
  'large messages of every size beside workers that die and tasks that are late: each its own bytes or its own error [fault 2, 4, 22]',
  () =>
    shutDownAfter(new ProcessPoolExecutor({ maxWorkers: 2, onWorkerDeath: 'replace' }), async (executor) => {
      const random = seededRandom(20_261_121);
      const outcomes = Array.from({ length: 60 }, (_, i) => {
        const length = 100_000 + Math.floor(random() * 2 * MIB);
        const kind = i % 15;
        const task = kind === 7 ? executor.options({ taskTimeout: 1 }) : executor;
        const future = task.submit(sameOrDeath, Buffer.alloc(length, i), kind === 14);
        if (kind === 3) future.cancel();
        return inTime(
          future.then(
            (seen) => (isOf(i, length, seen), 'done'),
            (error: unknown) => {
              if (kind === 14) assert.ok(error instanceof ProcessDiedError, String(error));
              else if (kind === 3) assert.ok(error instanceof CancelledError, String(error));
              else assert.ok(kind === 7 && error instanceof TimeoutError, `${i}: ${String(error)}`);
              return 'failed';
            },
          ),
        );
      });
      const done = (await Promise.all(outcomes)).filter((outcome) => outcome === 'done');
      assert.ok(done.length >= 60 - 4 - 4 - 4, `${done.length} done`);
    }),
);

executorTest('the bytes are those of the moment of the submit, more of them pending than the shelf has room for', () =>
  shutDownAfter(new ProcessPoolExecutor({ maxWorkers: 2 }), async (executor) => {
    const bytes = Buffer.alloc(2 * MIB);
    const futures = Array.from({ length: 40 }, (_, i) => {
      bytes.fill(i);
      return executor.submit(same, bytes);
    });
    bytes.fill(255);
    for (const [i, future] of futures.entries()) isOf(i, 2 * MIB, await inTime(future));
  }),
);

executorTest('large messages by Pool: apply, map in chunks, and a map of which one item cannot be sent', () =>
  closeAfter(new Pool(2), async (pool) => {
    isOf(1, MIB, await inTime(pool.apply(same, [Buffer.alloc(MIB, 1)])));
    const items = Array.from({ length: 12 }, (_, i) => Buffer.alloc(MIB / 2, i));
    const results = await inTime(pool.map(same, items, { chunkSize: 3 }));
    results.forEach((result, i) => isOf(i, MIB / 2, result));
    const text = 'ä'.repeat(MIB);
    assert.equal(await inTime(pool.apply((value: string) => value, [text])), text);
  }),
);

executorTest('large messages by threads', () =>
  shutDownAfter(new ThreadPoolExecutor({ maxWorkers: 2 }), async (executor) => {
    const futures = Array.from({ length: 12 }, (_, i) => executor.submit(same, Buffer.alloc(MIB, i)));
    for (const [i, future] of futures.entries()) isOf(i, MIB, await inTime(future));
  }),
);

executorTest('a killed program with large messages on their way leaves no worker and no memory [fault 6, 28]', async () => {
  const ended = await inTime(program('large-and-killed.mjs'));
  assert.equal(ended.signal, 'SIGKILL', ended.complaints);
  assert.equal(workerPids().length, 0);
});

executorTest('where the shared memory is full, large messages go through the ring', async () => {
  const ended = await inTime(program('large-in-small-arena.mjs', [], { MULTIPROC_ARENA_BYTES: String(8 * MIB) }));
  assert.deepEqual([ended.code, ended.output.trim(), ended.complaints], [0, 'whole', '']);
});
