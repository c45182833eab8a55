/**
 * Named memory whose maker or remover is killed at each step: the next start removes what is left, and nothing else.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Process, Value } from '#src/index.js';
import { leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';
import { listOf } from '../support/family.js';
import { clean, isThere } from '../memory/memory-support.js';

const PROGRAM = fileURLToPath(new URL('../../test/fixtures/memory/makes-and-removes.mjs', import.meta.url));

const envOf = (fault?: string) => ({ ...process.env, ...(fault !== undefined && { MULTIPROC_FAULT: fault }) });
const run = (name: string, fault?: string) =>
  spawnSync(process.execPath, [PROGRAM, name], { encoding: 'utf8', env: envOf(fault) });

/** Kills the program at a point, after a look at what there is then: of the dead, any start of a family of other tests sweeps. */
async function killedAt(point: string, name: string, look: (pid: number) => void): Promise<number> {
  const program = spawn(process.execPath, [PROGRAM, name], { stdio: 'ignore', env: envOf(`${point}:stop@1`) });
  const pid = program.pid as number;
  const exited = once(program, 'exit');
  try {
    const isStopped = () => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    const waiting = async () => {
      while (!isStopped()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await withDeadline(waiting(), 60_000, `${point} in the program`);
    look(pid);
  } finally {
    program.kill('SIGKILL');
    await exited;
  }
  return pid;
}

function recordsOf(pid: number): string[] {
  const folders = readdirSync('/dev/shm').filter((each) => each.startsWith('multiproc-'));
  return folders.flatMap((folder) => listOf(`/dev/shm/${folder}`)).filter((each) => each.startsWith(`${pid}-`));
}

for (const [point, isNamed] of [
  ['shared_memory.recorded', false],
  ['shared_memory.opened', false],
  ['shared_memory.reserved', false],
  ['shared_memory.named', true],
  ['shared_memory.unlinked', false],
  ['shared_memory.halfForgotten', false],
] as const) {
  test(
    `who is killed at ${point} leaves nothing beyond the next start  [faults 33, 34]`,
    clean(async () => {
      const name = `mp-test-${point}`;
      const dead = await killedAt(point, name, (pid) => {
        assert.equal(isThere(name), isNamed);
        assert.ok(recordsOf(pid).length >= 1);
      });
      const next = run(name); // it can make memory of that name at once
      assert.deepEqual([next.status, next.stderr], [0, '']);
      assert.equal(isThere(name), false);
      assert.deepEqual(recordsOf(dead), []);
    }),
  );
}

test(
  'who is killed while it sweeps leaves the rest to the next  [fault 33]',
  clean(async () => {
    const name = 'mp-test-sweeping';
    const dead = await killedAt('shared_memory.named', name, () => assert.ok(isThere(name)));
    const sweeper = run('mp-test-sweeper', 'shared_memory.swept:kill@1');
    // Unless a family of another test was there first.
    assert.ok(sweeper.signal === 'SIGKILL' || sweeper.status === 0);
    assert.equal(run('mp-test-sweeper').status, 0);
    assert.equal(isThere(name), false);
    assert.deepEqual([...recordsOf(dead), ...recordsOf(sweeper.pid)], []);
  }),
);

const warmUp = async () => {
  const child = new Process({ target: () => 0 });
  await child.start();
  await child.join();
};

test(
  'a JSON value whose writer is killed half-way is the one before, and is written by the next  [fault 35]',
  leavesNothing(
    async () => {
      const value = new Value('json', { turn: 0 });
      for (const [point, expected] of [
        ['json.beforeCount', 0],
        ['json.afterCount', 1],
      ] as const) {
        value.value = { turn: 0 };
        const child = new Process({
          target: () => (value.value = { turn: 1 }),
          env: { MULTIPROC_FAULT: `${point}:kill@1` },
          stdio: 'ignore',
        });
        await child.start();
        await assert.rejects(child.join(), { name: 'ProcessDiedError', signal: 'SIGKILL' });
        assert.deepEqual(value.value, { turn: expected });
        value.value = { turn: 2 };
        assert.deepEqual(value.value, { turn: 2 });
      }
    },
    { warmUp },
  ),
);

for (const method of ['spawn', 'forkserver']) {
  test(
    `${method}: killed children leave no more of the shared memory in use than what others still have of them  [fault 33]`,
    leavesNothing(() => {
      const file = fileURLToPath(new URL('../../test/fixtures/memory/many-killed.mjs', import.meta.url));
      const env = { ...process.env, MULTIPROC_ARENA_BYTES: String(2 ** 24) };
      const { stdout, stderr } = spawnSync(process.execPath, [file, method], { encoding: 'utf8', env, timeout: 60_000 });
      assert.match(stdout, /^children=\{"killed":40,"kept":10\}$/m, stderr);
    }),
  );
}
