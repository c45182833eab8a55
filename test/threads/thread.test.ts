import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  activeChildren,
  currentProcess,
  InvalidStateError,
  Lock,
  LockOwnerDiedError,
  parentProcess,
  Process,
  ProcessDiedError,
  RemoteError,
  TimeoutError,
} from '#src/index.js';
import { Thread, ThreadPoolExecutor } from '#src/threads-index.js';
import { leavesNothing } from '../support/census.js';
import { Lines, soon } from '../process/process-support.js';

const forever = (): Promise<never> => new Promise(() => void setInterval(() => {}, 1e6));
const double = (x: number): number => x * 2;

/** `leavesNothing` once threads and processes have brought up what lives as long as the process. */
function clean(body: Parameters<typeof leavesNothing>[0]): ReturnType<typeof leavesNothing> {
  return leavesNothing(body, { warmUp });
}

async function warmUp(): Promise<void> {
  for (const Kind of [Process, Thread]) {
    const child = new Kind({ target: () => {}, stdio: 'ignore' });
    await child.start();
    await child.join();
  }
}

async function started<A extends unknown[], R>(
  t: { after(act: () => unknown): void },
  options: ConstructorParameters<typeof Thread<A, R>>[0],
): Promise<Thread<A, R>> {
  const thread = new Thread<A, R>({ stdio: 'ignore', ...options });
  await thread.start();
  t.after(async () => {
    if (!thread.done()) thread.kill();
    await thread.join().catch(() => {});
    thread.close();
  });
  return thread;
}

test(
  'Thread.result() resolves to what the target returned, in this very process',
  clean(async (t) => {
    const factor = 3;
    const thread = await started(t, { target: async (x: number) => [x * factor, process.pid], args: [14] });
    assert.deepEqual(await soon(thread.result(), 'result'), [42, process.pid]);
    assert.deepEqual([thread.pid, thread.exitCode, thread.isAlive(), thread.done()], [process.pid, 0, false, true]);
    assert.equal(await thread.exception(), null);
    await thread.join();
  }),
);

test(
  'Thread names count threads, and carry the name of a subclass',
  clean(async (t) => {
    class Walker extends Thread {
      override run(): string {
        return `${this.name} walks`;
      }
    }
    const first = new Thread();
    assert.match(first.name, /^Thread-\d+$/);
    assert.equal(new Thread().name, `Thread-${Number(first.name.slice(7)) + 1}`);
    const walker = new Walker({ stdio: 'ignore' });
    assert.match(walker.name, /^Walker-\d+$/);
    await walker.start();
    t.after(() => walker.close());
    assert.equal(await soon(walker.result(), 'result'), `${walker.name} walks`);
  }),
);

test(
  'currentProcess() in a thread is the Thread, parentProcess() its starter; threads and processes start one another',
  clean(async (t) => {
    const thread = await started(t, {
      name: 'Ariadne',
      target: async () => {
        const inner = new Process({ target: () => currentProcess() instanceof Thread, stdio: 'ignore' });
        await inner.start();
        const isThread = currentProcess() instanceof Thread;
        return [currentProcess().name, isThread, parentProcess()?.name, parentProcess()?.isAlive(), await inner.result()];
      },
    });
    assert.deepEqual(await soon(thread.result(), 'result'), ['Ariadne', true, currentProcess().name, true, false]);
    const child = new Process({
      target: async () => {
        const inner = new Thread({ target: () => new Thread().name, stdio: 'ignore' });
        await inner.start();
        return [await inner.result(), inner.pid === process.pid];
      },
      stdio: 'ignore',
    });
    await child.start();
    const [name, isSame] = await soon(child.result(), 'result');
    assert.match(name as string, /^Thread-\d+:1:1$/);
    assert.equal(isSame, true);
    child.close();
  }),
);

test(
  'Thread.join() rejects with the error of the target: class, fields and remote stack',
  clean(async (t) => {
    const thread = await started(t, {
      target: () => {
        throw Object.assign(new RangeError('too far'), { code: 'E_FAR' });
      },
    });
    const error = (await soon(thread.exception(), 'exception')) as Error;
    assert.ok(error instanceof RangeError && error.cause instanceof RemoteError);
    assert.deepEqual([error.message, (error as { code?: string }).code, thread.exitCode], ['too far', 'E_FAR', 1]);
    await assert.rejects(thread.join(), error);
  }),
);

test(
  'Thread: an uncaught error in a timer and a rejection nobody handles end it with that error',
  clean(async (t) => {
    const timer = await started(t, {
      target: () =>
        new Promise(() =>
          setTimeout(() => {
            throw new SyntaxError('late');
          }, 1),
        ),
    });
    await assert.rejects(soon(timer.join(), 'join'), { name: 'SyntaxError', message: 'late' });
    const rejection = await started(t, {
      target: () => {
        void Promise.reject(new EvalError('nobody'));
        return new Promise(() => {});
      },
    });
    await assert.rejects(soon(rejection.join(), 'join'), { name: 'EvalError', message: 'nobody' });
    assert.deepEqual([timer.exitCode, rejection.exitCode], [1, 1]);
  }),
);

test(
  'process.exit(n) in a thread ends the thread only: 0 resolves, other codes are ProcessDiedError',
  clean(async (t) => {
    const [good, bad] = [
      await started(t, { target: () => process.exit(0) }),
      await started(t, { target: () => process.exit(7) }),
    ];
    assert.equal(await soon(good.result(), 'result'), undefined);
    const error = await soon(bad.exception(), 'exception');
    assert.ok(error instanceof ProcessDiedError);
    assert.deepEqual([good.exitCode, bad.exitCode, error.exitCode, error.phase], [0, 7, 7, 'running']);
    const [negative, large] = [
      await started(t, { target: () => process.exit(-1) }),
      await started(t, { target: () => process.exit(300) }),
    ];
    for (const thread of [negative, large])
      await assert.rejects(soon(thread.join(), 'join'), { name: 'ProcessDiedError', signal: null });
    assert.deepEqual([negative.exitCode, large.exitCode], [255, 44]); // as the operating system keeps those of processes
  }),
);

test(
  'Thread.terminate() and kill() end an endless loop; join() resolves with exit codes −15 and −9',
  clean(async (t) => {
    const loop = (): never => {
      for (;;);
    };
    const [terminated, killed] = [await started(t, { target: loop }), await started(t, { target: loop })];
    await assert.rejects(terminated.join(20), TimeoutError);
    terminated.terminate();
    killed.kill();
    assert.equal(await soon(terminated.result(), 'result'), undefined);
    await soon(killed.join(), 'join');
    assert.deepEqual([terminated.exitCode, killed.exitCode, terminated.isAlive()], [-15, -9, false]);
    terminated.terminate();
  }),
);

test(
  'Thread.interrupt() runs its handler of SIGINT; without one it ends with −2',
  clean(async (t) => {
    const polite = await started(t, {
      stdio: 'pipe',
      target: () =>
        new Promise((resolve) => {
          setInterval(() => {}, 1e6);
          process.on('SIGINT', () => resolve('interrupted'));
          console.log('listening');
        }),
    });
    await new Lines(polite.stdout as Readable).line(/^listening$/);
    polite.interrupt();
    assert.equal(await soon(polite.result(), 'result'), 'interrupted');
    const plain = await started(t, { target: forever });
    plain.interrupt();
    await soon(plain.join(), 'join');
    assert.equal(plain.exitCode, -2);
  }),
);

test(
  'Thread: its death poisons the lock that it holds',
  clean(async (t) => {
    const lock = new Lock();
    const thread = await started(t, {
      stdio: 'pipe',
      args: [lock],
      target: (its: Lock) => {
        its.acquireSync();
        console.log('held');
        return new Promise(() => void setInterval(() => {}, 1e6));
      },
    });
    await new Lines(thread.stdout as Readable).line(/^held$/);
    assert.equal(lock.tryAcquire(), false);
    thread.terminate();
    await soon(thread.join(), 'join');
    await assert.rejects(soon(lock.acquire(), 'acquire'), LockOwnerDiedError);
    (await lock.recover()).release();
    assert.equal(lock.tryAcquire(), true);
    lock.release();
  }),
);

test(
  'Thread.env is merged over the environment of the starter, whose own stays as it is',
  clean(async (t) => {
    process.env['MULTIPROC_TEST_GONE'] = 'x';
    t.after(() => delete process.env['MULTIPROC_TEST_GONE']);
    const thread = await started(t, {
      env: { MULTIPROC_TEST_NEW: 'y', MULTIPROC_TEST_GONE: undefined },
      target: () => [process.env['MULTIPROC_TEST_NEW'], process.env['MULTIPROC_TEST_GONE'], process.env['PATH'] !== undefined],
    });
    assert.deepEqual(await soon(thread.result(), 'result'), ['y', undefined, true]);
    assert.deepEqual([process.env['MULTIPROC_TEST_NEW'], process.env['MULTIPROC_TEST_GONE']], [undefined, 'x']);
  }),
);

test(
  'Thread: maxOldSpaceMb ends the thread, not the process, with ProcessDiedError and a hint',
  clean(async (t) => {
    const thread = await started(t, {
      maxOldSpaceMb: 16,
      target: () => {
        const all: number[][] = [];
        for (;;) all.push(Array.from({ length: 10_000 }, (_, i) => i + 0.5));
      },
    });
    const error = await soon(thread.exception(), 'exception');
    assert.ok(error instanceof ProcessDiedError);
    assert.match(error.hint ?? '', /maxOldSpaceMb/);
  }),
);

test(
  'Thread refuses cwd and detached, starts once, and is among activeChildren() while it lives',
  clean(async (t) => {
    assert.throws(() => new Thread({ cwd: '/' }), TypeError);
    assert.throws(() => new Thread({ detached: true }), TypeError);
    assert.throws(() => new Thread({ target: 5 as never }), TypeError);
    const thread = await started(t, { target: forever });
    await assert.rejects(thread.start(), InvalidStateError);
    assert.deepEqual(activeChildren(), [thread]);
    assert.equal(thread.sentinel.isReady(), false);
    await soon(thread[Symbol.asyncDispose](), 'dispose');
    assert.deepEqual([thread.exitCode, activeChildren(), thread.sentinel.isReady()], [-15, [], true]);
  }),
);

test(
  'Thread: a daemon may not have children, and large arguments and results arrive whole',
  clean(async (t) => {
    const daemon = await started(t, { daemon: true, target: () => new Thread({ target: double, args: [1] }).start() });
    await assert.rejects(soon(daemon.join(), 'join'), InvalidStateError);
    const bytes = new Uint8Array(3_000_000).fill(7);
    const large = await started(t, { target: (its: Uint8Array) => its.map((byte) => byte + 1), args: [bytes] });
    assert.deepEqual(
      await soon(large.result(), 'result'),
      bytes.map((byte) => byte + 1),
    );
  }),
);

test(
  'Thread: processes that it started die with it when it is terminated',
  clean(async (t) => {
    const thread = await started(t, {
      stdio: 'pipe',
      target: async () => {
        const inner = new Process({ target: () => new Promise(() => void setInterval(() => {}, 1e6)), stdio: 'ignore' });
        await inner.start();
        console.log('started');
        await inner.join();
      },
    });
    await new Lines(thread.stdout as Readable).line(/^started$/);
    thread.terminate();
    await soon(thread.join(), 'join'); // the census counts what is left
  }),
);

test(
  'a thread that is killed while it loads modules ends when they are loaded, so that no file stays open',
  clean(async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'modules-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const names = Array.from({ length: 60 }, (_, i) => join(folder, `m${i}.mjs`));
    for (const name of names) writeFileSync(name, 'export const a = 1;\n');
    const main = join(folder, 'main.mjs');
    writeFileSync(
      main,
      `${names.map((name) => `import ${JSON.stringify(name)};`).join('\n')}\nexport const nothing = () => {};\n`,
    );
    const { nothing } = (await import(main)) as { nothing: () => void };
    for (let i = 0; i < 12; i += 1) {
      const executor = new ThreadPoolExecutor({ maxWorkers: 1 });
      await soon(executor.submit(double, 1), 'the first task');
      const settled = Promise.allSettled([executor.submit(nothing)]);
      await sleep(i); // loading takes about as long; whenever it is, it must end well
      await executor.killWorkers();
      await soon(settled, 'the end of the task');
    }
  }),
);

test(
  'Thread.terminate() ends a module that never comes to an end of its own',
  clean(async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'modules-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const main = join(folder, 'main.mjs');
    writeFileSync(
      main,
      `import { isMainThread } from 'node:worker_threads';
       if (!isMainThread) { process.stderr.write('loading\\n'); await new Promise((go) => setTimeout(go, 5)); for (;;); }
       export const idle = () => {};\n`,
    );
    const { idle } = (await import(main)) as { idle: () => void };
    const thread = await started(t, { target: idle, stdio: 'pipe' });
    await once(thread.stderr as Readable, 'data');
    thread.terminate();
    await soon(thread.join(), 'join()');
    assert.equal(thread.exitCode, -15);
  }),
);
