import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { InvalidStateError, ProcessDiedError } from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';
import { clean, DEADLINE_MS, folder, isGone, Lines, soon, started } from './process-support.js';

/** The death that a process with this target is reported as. */
async function deathOf(t: TestContext, target: () => unknown): Promise<ProcessDiedError> {
  const p = await started(t, { target });
  const error = await soon(p.exception(), 'exception');
  assert.ok(error instanceof ProcessDiedError, String(error));
  await assert.rejects(p.join(), ProcessDiedError);
  assert.equal(error.exitCode, p.exitCode);
  assert.equal(error.pid, p.pid);
  return error;
}

test(
  "The child's own process.exit(0) lets join() resolve with result undefined  [P-24, Z-19]",
  clean(async (t) => {
    for (const target of [
      () => process.exit(0),
      () => process.exit(),
      async () => process.exit(0),
      () => new Promise(() => void setTimeout(() => process.exit(0), 5)),
    ]) {
      const p = await started(t, { target });
      assert.equal(await soon(p.result(), 'result'), undefined);
      assert.equal(await p.exception(), null);
      assert.equal(p.exitCode, 0);
    }
  }),
);

eachKind('an exit code of which the kernel keeps 0 is as exit(0) [P-24]', async (kind, t) => {
  for (const code of [256, 512, -256]) {
    const child = await startChild(kind, t, (given: number) => process.exit(given), [code]);
    assert.equal(await soon(child.result(), 'result'), undefined);
    assert.equal(child.exitCode, 0);
  }
  const child = await startChild(kind, t, () => process.exit(257), []);
  await assert.rejects(soon(child.join(), 'join'), { name: 'ProcessDiedError', exitCode: 1 });
});

test(
  "The child's own process.exit(n) rejects with ProcessDiedError and its exit code  [P-25, Z-20]",
  clean(async (t) => {
    const three = await deathOf(t, () => process.exit(3));
    assert.deepEqual([three.exitCode, three.signal, three.phase], [3, null, 'running']);
    const byProperty = await deathOf(t, () => {
      process.exitCode = 4;
      process.exit();
    });
    assert.equal(byProperty.exitCode, 4);
    assert.equal((await deathOf(t, () => process.exit(300))).exitCode, 44);
  }),
);

test(
  'process.exitCode is the exit code of a child whose target returns; the result counts',
  clean(async (t) => {
    const p = await started(t, {
      target: () => {
        process.exitCode = 5;
        return 'fine';
      },
    });
    assert.equal(await soon(p.result(), 'result'), 'fine');
    assert.equal(p.exitCode, 5);
  }),
);

test(
  'An end that the child did not announce is a ProcessDiedError, even with code 0  [fault 4, Z-24, P-28]',
  clean(async (t) => {
    const zero = await deathOf(t, () => (process as unknown as { reallyExit(code: number): never }).reallyExit(0));
    assert.deepEqual([zero.exitCode, zero.signal, zero.phase], [0, null, 'running']);
    assert.equal((await deathOf(t, () => (process as unknown as { reallyExit(code: number): never }).reallyExit(3))).exitCode, 3);
    const aborted = await deathOf(t, () => process.abort());
    assert.deepEqual([aborted.exitCode, aborted.signal], [-6, 'SIGABRT']);
    const killed = await deathOf(
      t,
      () => process.kill(process.pid, 'SIGKILL') && new Promise(() => void setInterval(() => {}, 1e6)),
    );
    assert.deepEqual([killed.exitCode, killed.signal], [-9, 'SIGKILL']);
    const terminated = await deathOf(
      t,
      () => process.kill(process.pid, 'SIGTERM') && new Promise(() => void setInterval(() => {}, 1e6)),
    );
    assert.equal(terminated.signal, 'SIGTERM');
  }),
);

test(
  'A result of 50 MB arrives whole although the child exits at once after it  [fault 83]',
  clean(async (t) => {
    const p = await started(t, {
      target: () => {
        const bytes = new Uint8Array(50_000_000);
        for (let i = 0; i < bytes.length; i += 4096) bytes[i] = i / 4096;
        return bytes;
      },
    });
    const bytes = await soon(p.result(), 'result');
    assert.equal(bytes.length, 50_000_000);
    for (let i = 0; i < bytes.length; i += 4096) assert.equal(bytes[i], (i / 4096) & 255);
    assert.equal(p.exitCode, 0);
  }),
);

test(
  'Arguments of 30 MB arrive as they were at start()  [fault 56]',
  clean(async (t) => {
    const text = 'ä'.repeat(5_000_000);
    const bytes = new Uint8Array(20_000_000).fill(7);
    const starting = started(t, {
      target: (b: Uint8Array, s: string) => [b.length, b.every((x) => x === 7), s.length, s.endsWith('ä')],
      args: [bytes, text],
    });
    const p = await starting;
    bytes.fill(9);
    assert.deepEqual(await soon(p.result(), 'result'), [20_000_000, true, 5_000_000, true]);
  }),
);

test(
  'A child killed in the middle of sending a huge result is a ProcessDiedError  [fault 9]',
  clean(async (t) => {
    const p = await started(t, {
      stdio: 'pipe',
      target: async () => {
        const { spawn } = await import('node:child_process');
        spawn('sh', ['-c', `sleep 0.3; kill -9 ${process.pid}`], { stdio: 'ignore' });
        console.log('ready');
        return new Uint8Array(30_000_000);
      },
    });
    await new Lines(p.stdout as NonNullable<typeof p.stdout>).line(/ready/);
    // The parent is away until the child is dead: only what fits into the ring is there.
    const end = performance.now() + DEADLINE_MS;
    while (!isGone(p.pid as number)) assert.ok(performance.now() < end, 'the child is killed');
    await assert.rejects(soon(p.join(), 'join'), { name: 'ProcessDiedError', signal: 'SIGKILL' });
  }),
);

test(
  'A parent that is busy for two seconds loses nothing of what its children return meanwhile',
  clean(async (t) => {
    const all = await Promise.all(
      Array.from({ length: 4 }, (_, i) => started(t, { target: (n: number) => 'x'.repeat(1_000_000) + n, args: [i] })),
    );
    const end = performance.now() + 2000;
    while (performance.now() < end);
    for (const [i, p] of all.entries()) assert.equal((await soon(p.result(), 'result')).at(-1), String(i));
  }),
);

test(
  'Exit handlers of the child run after its target settled, and the result is not lost by them  [B-10]',
  clean(async (t) => {
    const path = join(folder(t), 'trace');
    const p = await started(t, {
      args: [path],
      target: async (path: string) => {
        const { appendFileSync } = await import('node:fs');
        process.on('exit', (code) => appendFileSync(path, `exit ${code}`));
        return 'result';
      },
    });
    assert.equal(await soon(p.result(), 'result'), 'result');
    assert.equal(readFileSync(path, 'utf8'), 'exit 0');
    const throwing = await started(t, {
      target: () => {
        process.on('exit', () => {
          throw new RangeError('at exit');
        });
        return 'result';
      },
    });
    const outcome = await soon(
      throwing.result().catch((error: unknown) => error),
      'result',
    );
    assert.ok(outcome === 'result' || outcome instanceof RangeError);
    assert.notEqual(throwing.exitCode, 0);
  }),
);

test(
  'Pending timers, sockets and intervals do not hold a child whose target settled',
  clean(async (t) => {
    const p = await started(t, {
      target: async () => {
        setInterval(() => {}, 1000);
        setTimeout(() => {}, 1e6);
        (await import('node:net')).createServer().listen(0);
        return 'settled';
      },
    });
    assert.equal(await soon(p.result(), 'result'), 'settled');
    assert.equal(p.exitCode, 0);
  }),
);

test(
  'A target that can never settle rejects with InvalidStateError as soon as nothing is left to wait for; exit code 13',
  clean(async (t) => {
    const p = await started(t, { target: () => new Promise(() => {}) });
    await assert.rejects(soon(p.join(), 'join'), (error: InvalidStateError) => {
      assert.ok(error instanceof InvalidStateError);
      assert.match(error.message, /never settles/);
      return true;
    });
    assert.equal(p.exitCode, 13);
  }),
);

test(
  'A child waits for its own children that are no daemons before it ends; its result is theirs to see  [B-11]',
  clean(async (t) => {
    const path = join(folder(t), 'trace');
    const p = await started(t, {
      args: [path],
      target: async (path: string) => {
        const { Process } = await import('#src/index.js');
        const inner = new Process({
          stdio: 'ignore',
          args: [path],
          target: async (path: string) => {
            await new Promise((resolve) => setTimeout(resolve, 300));
            (await import('node:fs')).writeFileSync(path, 'written');
          },
        });
        await inner.start();
        const daemon = new Process({
          stdio: 'ignore',
          daemon: true,
          target: () => new Promise(() => void setInterval(() => {}, 1e6)),
        });
        await daemon.start();
        return daemon.pid as number;
      },
    });
    const daemon = await soon(p.result(), 'result');
    assert.equal(readFileSync(path, 'utf8'), 'written');
    assert.equal(isGone(daemon), true);
  }),
);
