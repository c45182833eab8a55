/**
 * What is left of named shared memory: by families that end, that are killed, that made a mess; and that nothing else is touched.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SharedMemory } from '#src/memory/index.js';
import { listOf } from '../support/family.js';
import { clean, having, isThere } from './memory-support.js';

const PROGRAM = fileURLToPath(new URL('../../test/fixtures/memory/leaves-memory.mjs', import.meta.url));

interface Names {
  readonly own: string;
  /** Made by a child that has ended. */
  readonly childs: string;
  /** Made by a child that was killed. */
  readonly killedChilds: string;
  readonly untracked: string;
}

/** Runs the program that leaves memory; `names` is what it printed. */
async function started(how: string): Promise<{ program: ChildProcess; names: Names }> {
  const program = spawn(process.execPath, [PROGRAM, how], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: program.stdout }), 'line')) as [string];
  return { program, names: JSON.parse(line) as Names };
}

async function endOf(program: ChildProcess): Promise<void> {
  if (program.exitCode === null && program.signalCode === null) await once(program, 'exit');
}

/** Records of a family; its folder may come and go with those of other tests. */
function recordsOf(pid: number): string[] {
  const folders = readdirSync('/dev/shm').filter((each) => each.startsWith('multiproc-'));
  return folders.flatMap((folder) => listOf(`/dev/shm/${folder}`)).filter((each) => each.startsWith(`${pid}-`));
}

for (const [signal, ids] of [
  [
    'SIGKILL',
    '[_TestSharedMemory.test_shared_memory_cleaned_after_process_termination] [TestResourceTracker.test_resource_tracker_sigkill]',
  ],
  ['SIGTERM', '[TestResourceTracker.test_resource_tracker_sigterm]'],
  ['SIGINT', '[TestResourceTracker.test_resource_tracker_sigint]'],
] as const) {
  test(
    `the next start removes what a family ended by ${signal} left  ${ids} [fault 33] [R-03]`,
    clean(async () => {
      const { program, names } = await started('wait');
      assert.ok(isThere(names.own) && isThere(names.childs), 'what a child made stays while its family lives');
      assert.ok(recordsOf(program.pid as number).length >= 4);
      program.kill(signal);
      await endOf(program);
      assert.ok(isThere(names.untracked));
      // A namesake of somebody else is not touched.
      rmSync(`/dev/shm/${names.childs}`, { force: true }); // families of other tests may have started since
      await having(new SharedMemory({ name: names.childs, create: true, size: 8 }), async () => {
        const next = await started('end');
        await endOf(next.program);
        assert.equal(isThere(names.own), false);
        assert.equal(isThere(names.childs), true);
        assert.deepEqual(recordsOf(program.pid as number), []);
        for (const name of [next.names.untracked, names.untracked]) unlinkSync(`/dev/shm/${name}`);
      });
    }),
  );
}

test(
  'the end of the family removes what it and its killed children made, unless track is false  [_TestSharedMemory.test_shared_memory_tracking] [_TestSharedMemory.test_shared_memory_untracking] [TestResourceTracker.test_resource_tracker] [TestResourceTracker.test_resource_tracker_reused] [H-09] [fault 33]',
  clean(async () => {
    for (const how of ['end', 'unlink']) {
      const { program, names } = await started(how);
      await endOf(program);
      const { own, childs, killedChilds, untracked } = names;
      assert.deepEqual([own, childs, killedChilds, untracked].map(isThere), [false, false, false, true]);
      assert.deepEqual(recordsOf(program.pid as number), []);
      unlinkSync(`/dev/shm/${untracked}`);
    }
  }),
);

test(
  'what a program leaves changes neither its exit code nor what it prints  [TestResourceTracker.test_resource_tracker_exit_code] [R-03]',
  clean(() => {
    for (const code of ['0', '3']) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'exit', code], { encoding: 'utf8' });
      assert.deepEqual([status, stderr], [Number(code), '']);
      unlinkSync(`/dev/shm/${(JSON.parse(stdout) as Names).untracked}`);
    }
  }),
);

test(
  'much that the dead left, and a mess of it, is swept at the next start, which fails at nothing  [TestResourceTracker.test_resource_tracker_safety_net_timeout] [fault 33]',
  clean(async () => {
    const founder = spawn('sleep', ['1000'], { stdio: 'ignore' }); // families of other tests sweep too, as soon as it is dead
    const exited = once(founder, 'exit');
    const { pid } = founder as { pid: number };
    const id = `${pid}-${startOf(pid)}`;
    const record = new SharedMemory({ create: true, size: 8 }); // makes the folder, and keeps it
    await having(record, async () => {
      const folder = folderOf(record.name);
      for (let i = 0; i < 200; i++) leave(folder, `${id}-${i.toString(16)}`, `mp-test-left-${pid}-${i}`);
      symlinkSync('../../etc/passwd', `${folder}/${id}-fff1.name`); // no name that could be ours
      symlinkSync('mp-test-nowhere', `${folder}/${id}-fff2.name`); // killed before it made the file
      symlinkSync(record.name, `${folder}/${id}-fff3.name`); // somebody else's by now
      writeFileSync(`${folder}/${id}-fff4`, ''); // its link is gone
      mkdirSync(`${folder}/mp-strange`);
      founder.kill('SIGKILL');
      await exited;
      const next = await started('end');
      await endOf(next.program);
      assert.equal(next.program.exitCode, 0);
      unlinkSync(`/dev/shm/${next.names.untracked}`);
      assert.deepEqual(recordsOf(pid), []);
      const left = readdirSync('/dev/shm').filter((name) => name.startsWith(`mp-test-left-${pid}`));
      assert.deepEqual(left, []);
      assert.deepEqual([isThere(record.name), isThere('../../etc/passwd')], [true, true]);
      rmSync(`${folder}/mp-strange`, { recursive: true });
    });
  }),
);

/** When a process started, in clock ticks since boot. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] as string;
}

/** The folder of the records in which memory of this name has one. */
function folderOf(name: string): string {
  for (const folder of readdirSync('/dev/shm').filter((each) => each.startsWith('multiproc-')))
    for (const entry of listOf(`/dev/shm/${folder}`))
      if (entry.endsWith('.name') && readlinkSync(`/dev/shm/${folder}/${entry}`) === name) return `/dev/shm/${folder}`;
  throw new Error('there is no record of it');
}

/** As a killed process leaves it. */
function leave(folder: string, id: string, name: string): void {
  symlinkSync(name, `${folder}/${id}.name`);
  writeFileSync(`${folder}/${id}`, 'left');
  linkSync(`${folder}/${id}`, `/dev/shm/${name}`);
}
