import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { once } from 'node:events';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import { Process } from 'multiproc';
import { claimSlot, freeSlot, isEntered, slotOf } from '#src/substrate/participants.js';
import { self } from '#src/substrate/self.js';
import { until } from '../fixtures/substrate/starting.js';

test('a slot taken again is another participant', () => {
  const first = claimSlot(self().id);
  freeSlot(first);
  const second = claimSlot(self().id);
  assert.equal(slotOf(second), slotOf(first));
  assert.notEqual(second, first);
  assert.equal(isEntered(first), false);
  assert.equal(isEntered(second), true);
  freeSlot(first); // of an older generation: no effect
  assert.equal(isEntered(second), true);
  freeSlot(second);
});

test('no processes, memory or names are left when the whole family is killed  [fault 33]', async () => {
  const names = (pids: readonly number[]) =>
    readdirSync('/dev/shm', { recursive: true, encoding: 'utf8' }).filter((path) =>
      pids.some((pid) => path.split(/\D/).includes(String(pid))),
    );
  const script = `
    import { Process } from 'multiproc';
    const children = [];
    for (let i = 0; i < 3; i++) {
      const child = new Process({ target: async () => {
        const { Process } = await import('multiproc');
        const grandchild = new Process({ target: () => { for (;;); } });
        await grandchild.start();
        console.log(process.pid, grandchild.pid);
        for (;;);
      }, stdio: 'inherit' });
      await child.start();
      children.push(child);
    }
    console.log(process.pid, 'up');
    setInterval(() => {}, 1000);`;
  const root = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: process.cwd(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  root.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until(() => (text.match(/^\d+ \d+$/gm) ?? []).length === 3 && text.includes('up'), 'the family is up');
  const pids = [...text.matchAll(/\d+/g)].map(([pid]) => Number(pid));
  assert.ok(pids.every(holdsArena));
  root.kill('SIGKILL');
  await once(root, 'exit');
  await until(() => pids.every((pid) => !isAlive(pid)), 'all are gone', 10_000);
  assert.deepEqual(names(pids), []);
});

test('a worker thread joins as a participant of its own, and its children end with it  [fault 80]', async () => {
  const script = `
    import { parentPort } from 'node:worker_threads';
    import { Process } from 'multiproc';
    const child = new Process({ target: () => { for (;;); } });
    await child.start();
    parentPort.postMessage(child.pid);
    setInterval(() => {}, 1000);`;
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(
      new URL(
        `data:text/javascript,${encodeURIComponent(script.replaceAll("'multiproc'", `'${import.meta.resolve('multiproc')}'`))}`,
      ),
    );
    const [pid] = (await once(worker, 'message')) as [number];
    assert.ok(isAlive(pid));
    await worker.terminate();
    await until(() => !isAlive(pid), 'the child is gone with its thread', 10_000);
  }
  const child = new Process({ target: () => 1 });
  await child.start();
  assert.equal(await child.result(), 1);
});

function holdsArena(pid: number): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes('memfd:multiproc');
    } catch {
      return false;
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
