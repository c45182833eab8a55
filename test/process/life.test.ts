import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { activeChildren, ClosedError, InvalidStateError, Process, ProcessDiedError, TimeoutError } from '#src/index.js';
import { clean, isGone, Lines, soon, started } from './process-support.js';

const forever = (): Promise<never> => new Promise(() => void setInterval(() => {}, 1e6));
const double = (x: number): number => x * 2;

test(
  'Process.start() resolves to the process once its pid is that of a living process  [P-08, P-15]',
  clean(async (t) => {
    const p = new Process({ target: forever, stdio: 'ignore' });
    assert.deepEqual([p.pid, p.exitCode, p.isAlive(), p.done()], [undefined, null, false, false]);
    assert.equal(await p.start(), p);
    t.after(() => p.close());
    assert.equal(isGone(p.pid as number), false);
    assert.deepEqual([p.exitCode, p.isAlive(), p.done()], [null, true, false]);
    assert.deepEqual(activeChildren(), [p]);
    p.kill();
    await soon(p.join(), 'join');
    assert.deepEqual([p.exitCode, p.isAlive(), p.done(), activeChildren()], [-9, false, true, []]);
    assert.equal(isGone(p.pid as number), true);
  }),
);

test(
  'Process.result() resolves to what the target returned, join() to undefined and exception() to null  [Z-11, Z-12, Z-17]',
  clean(async (t) => {
    const p = await started(t, { target: double, args: [21] });
    assert.equal(await soon(p.result(), 'result'), 42);
    assert.equal(await p.join(), undefined);
    assert.equal(await p.exception(), null);
    assert.equal(p.exitCode, 0);
  }),
);

test(
  'Process.result() awaits a target that returns a promise',
  clean(async (t) => {
    const p = await started(t, { target: async (a: string, b: string) => `${a}${await Promise.resolve(b)}`, args: ['a', 'b'] });
    assert.equal(await soon(p.result(), 'result'), 'ab');
  }),
);

test(
  'Process without a target ends with exit code 0 and result undefined  [Z-26]',
  clean(async (t) => {
    const p = await started(t, {});
    assert.equal(await soon(p.result(), 'result'), undefined);
    assert.equal(p.exitCode, 0);
  }),
);

test(
  'Process methods reject or throw InvalidStateError before start  [P-12, P-16, P-17]',
  clean(async () => {
    const p = new Process({ target: double, args: [1] });
    for (const wait of [p.join(), p.result(), p.exception()]) await assert.rejects(wait, InvalidStateError);
    for (const act of [() => p.terminate(), () => p.kill(), () => p.interrupt(), () => p.sentinel])
      assert.throws(act, InvalidStateError);
  }),
);

test(
  'Process.start() rejects with InvalidStateError the second time, also when both are called at once  [P-08]',
  clean(async () => {
    const p = new Process({ target: double, args: [1], stdio: 'ignore' });
    const [first, second] = await Promise.allSettled([p.start(), p.start()]);
    assert.equal(first.status, 'fulfilled');
    assert.ok(second.status === 'rejected' && second.reason instanceof InvalidStateError);
    await soon(p.join(), 'join');
    await assert.rejects(p.start(), InvalidStateError);
  }),
);

test(
  'Process.result(), terminate() and dispose directly after a start() that is not awaited concern that start',
  clean(async () => {
    const p = new Process({ target: double, args: [21], stdio: 'ignore' });
    const starting = p.start();
    assert.equal(await soon(p.result(), 'result'), 42);
    await starting;
    const q = new Process({ target: forever, stdio: 'ignore' });
    void q.start();
    await soon(q[Symbol.asyncDispose](), 'dispose');
    assert.equal(q.isAlive(), false);
    assert.equal(q.exitCode, -15);
    const k = new Process({ target: forever, stdio: 'ignore' });
    void k.start();
    k.terminate();
    assert.equal(await soon(k.result(), 'result'), undefined);
    const r = new Process({ target: forever, cwd: '/no/such/folder', stdio: 'ignore' });
    const failing = r.start();
    await assert.rejects(r.join(), InvalidStateError);
    await assert.rejects(failing, { code: 'ENOENT' });
  }),
);

test(
  'Process.join() rejects with TimeoutError while it runs and resolves later; 0 and negative do not wait  [P-12, Z-13]',
  clean(async (t) => {
    const p = await started(t, { target: forever });
    for (const wait of [0, -5, 20, { timeout: 20 }]) await assert.rejects(p.join(wait), TimeoutError);
    await assert.rejects(p.result(1), { name: 'TimeoutError', code: 'ERR_MP_TIMEOUT' });
    await assert.rejects(p.exception(1), TimeoutError);
    assert.equal(p.isAlive(), true);
    p.kill();
    await soon(p.join(), 'join');
    await p.join(0);
    await p.join({ timeout: Number.POSITIVE_INFINITY });
  }),
);

test(
  'Process.join() rejects with the reason of its AbortSignal, aborted before or while it waits',
  clean(async (t) => {
    const p = await started(t, { target: forever });
    const reason = new Error('enough');
    await assert.rejects(p.join({ signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const joining = p.join({ signal: controller.signal, timeout: 1e6 });
    controller.abort(reason);
    await assert.rejects(joining, reason);
    assert.equal(p.isAlive(), true);
  }),
);

test(
  'Process.join() rejects with TypeError or RangeError for a timeout that is no number',
  clean(async (t) => {
    const p = await started(t, { target: forever });
    await assert.rejects(p.join({ timeout: '5' as unknown as number }), TypeError);
    await assert.rejects(p.join(Number.NaN), RangeError);
  }),
);

test(
  'Process.join() called many times at once and again later gives everyone the same outcome  [P-32]',
  clean(async (t) => {
    const p = await started(t, {
      target: () => {
        throw new RangeError('boom');
      },
    });
    const all = await soon(
      Promise.allSettled([
        ...Array.from({ length: 20 }, () => p.join()),
        p.result(),
        p.exception().then((error) => Promise.reject(error as Error)),
      ]),
      'all joins',
    );
    const reasons = new Set(all.map((outcome) => (outcome as PromiseRejectedResult).reason as unknown));
    assert.equal(reasons.size, 1);
    assert.ok([...reasons][0] instanceof RangeError);
    await assert.rejects(p.join(), RangeError);
  }),
);

test(
  'Process.terminate() and kill() let join() resolve and result() be undefined; exitCode is the signal  [P-17, P-18, P-29, Z-22, Z-23]',
  clean(async (t) => {
    for (const [act, code] of [
      ['terminate', -15],
      ['kill', -9],
    ] as const) {
      const p = await started(t, { target: forever });
      p[act]();
      assert.equal(await soon(p.result(), act), undefined);
      assert.equal(await p.exception(), null);
      assert.equal(p.exitCode, code);
      p.terminate(); // dead already: nothing happens
      p.kill();
      p.interrupt();
      assert.equal(p.exitCode, code);
    }
  }),
);

test(
  'Process.terminate() runs the SIGTERM handler of the child',
  clean(async (t) => {
    const p = await started(t, {
      stdio: 'pipe',
      target: () => {
        process.on('SIGTERM', () => {
          console.log('cleaned up');
          process.exit(0);
        });
        console.log('ready');
        return new Promise(() => void setInterval(() => {}, 1e6));
      },
    });
    const out = new Lines(p.stdout as NonNullable<typeof p.stdout>);
    await out.line(/^ready$/);
    p.terminate();
    assert.equal(await soon(p.result(), 'result'), undefined);
    assert.equal(p.exitCode, 0);
    assert.match(await out.all(), /cleaned up/);
  }),
);

test(
  'Process.join() rejects when another signal than the sent one killed the child',
  clean(async (t) => {
    const p = await started(t, {
      stdio: 'pipe',
      target: () => {
        process.on('SIGTERM', () => process.kill(process.pid, 'SIGSEGV'));
        console.log('ready');
        return new Promise(() => void setInterval(() => {}, 1e6));
      },
    });
    await new Lines(p.stdout as NonNullable<typeof p.stdout>).line(/^ready$/);
    p.terminate();
    await assert.rejects(soon(p.join(), 'join'), {
      name: 'ProcessDiedError',
      signal: 'SIGSEGV',
      exitCode: -constants.signals.SIGSEGV,
    });
  }),
);

test(
  'Process.terminate() right after start() ends a child that is still starting',
  clean(async (t) => {
    for (const act of ['terminate', 'kill', 'interrupt'] as const) {
      const p = await started(t, { target: forever });
      p[act]();
      assert.equal(await soon(p.result(), act), undefined);
      assert.ok((p.exitCode as number) < 0);
    }
  }),
);

test(
  'Process.interrupt() ends a child without a handler with −2, idle or busy, and join() resolves  [P-19]',
  clean(async (t) => {
    const busy = (): void => {
      console.log('ready');
      for (;;);
    };
    const idle = (): Promise<void> => {
      console.log('ready');
      return new Promise(() => void setInterval(() => {}, 1e6));
    };
    for (const target of [busy, idle]) {
      const p = await started(t, { target, stdio: 'pipe' });
      await new Lines(p.stdout as NonNullable<typeof p.stdout>).line(/^ready$/);
      p.interrupt();
      assert.equal(await soon(p.result(), 'result'), undefined);
      assert.equal(p.exitCode, -2);
    }
  }),
);

test(
  "Process.interrupt() runs the child's own SIGINT handler  [P-19]",
  clean(async (t) => {
    const p = await started(t, {
      stdio: 'pipe',
      target: () =>
        new Promise<string>((resolve) => {
          const timer = setInterval(() => {}, 1e6);
          process.once('SIGINT', () => {
            clearInterval(timer);
            resolve('interrupted');
          });
          console.log('ready');
        }),
    });
    await new Lines(p.stdout as NonNullable<typeof p.stdout>).line(/^ready$/);
    p.interrupt();
    assert.equal(await soon(p.result(), 'result'), 'interrupted');
    assert.equal(p.exitCode, 0);
  }),
);

test(
  'Process.close() throws while it runs; then all but name, daemon and close() throw ClosedError  [P-20]',
  clean(async () => {
    const p = new Process({ target: forever, name: 'mine', stdio: 'pipe' });
    await p.start();
    assert.throws(() => p.close(), InvalidStateError);
    p.kill();
    await soon(p.join(), 'join');
    const { sentinel } = p;
    p.close();
    p.close();
    assert.deepEqual([p.name, p.daemon], ['mine', false]);
    await sentinel.ready;
    for (const wait of [() => p.start(), () => p.join(), () => p.result(), () => p.exception()])
      await assert.rejects(wait, ClosedError);
    for (const use of [
      () => p.isAlive(),
      () => p.terminate(),
      () => p.kill(),
      () => p.interrupt(),
      () => p.sentinel,
      () => p.pid,
      () => p.exitCode,
    ])
      assert.throws(use, ClosedError);
    const unstarted = new Process();
    unstarted.close();
    await assert.rejects(unstarted.start(), ClosedError);
  }),
);

test(
  'Process.sentinel becomes ready with the death of the process, also when first asked for later  [P-16]',
  clean(async (t) => {
    const p = await started(t, { target: forever });
    assert.equal(p.sentinel.isReady(), false);
    const { sentinel } = p;
    p.kill();
    await soon(sentinel.ready, 'sentinel');
    assert.equal(sentinel.isReady(), true);
    assert.equal(p.sentinel, sentinel);
    const q = await started(t, { target: double, args: [1] });
    await soon(q.join(), 'join');
    assert.equal(q.sentinel.isReady(), true);
  }),
);

test(
  'Process.sentinel is not delayed by a grandchild that inherited everything  [P-16]',
  clean(async (t) => {
    const p = await started(t, {
      target: async () => {
        const { spawn } = await import('node:child_process');
        const { pid } = spawn('sleep', ['60'], { stdio: 'inherit', detached: true });
        return pid as number;
      },
    });
    const pid = await soon(p.result(), 'result');
    t.after(() => process.kill(pid, 'SIGKILL'));
    assert.equal(p.sentinel.isReady(), true);
    assert.equal(isGone(pid), false);
  }),
);

test(
  'Process[Symbol.asyncDispose]() terminates what still runs, and waits; a finished or unstarted one it leaves',
  clean(async () => {
    const running = new Process({ target: forever, stdio: 'ignore' });
    await running.start();
    await soon(running[Symbol.asyncDispose](), 'dispose');
    assert.deepEqual([running.isAlive(), running.exitCode], [false, -15]);
    await running[Symbol.asyncDispose]();
    await new Process()[Symbol.asyncDispose]();
    const failed = new Process({ target: () => Promise.reject(new Error('x')), stdio: 'ignore' });
    await failed.start();
    await assert.rejects(soon(failed.join(), 'join'));
    await failed[Symbol.asyncDispose]();
  }),
);

test(
  'A failed Process that nobody joined is no unhandledRejection',
  clean(async (t) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    t.after(() => process.off('unhandledRejection', note));
    const p = await started(t, { target: () => Promise.reject(new Error('nobody looks')) });
    await soon(p.sentinel.ready, 'sentinel');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(unhandled, []);
  }),
);

test(
  'Processes: 50 started at once all give their results, each from a process of its own',
  clean(async () => {
    const all = Array.from(
      { length: 50 },
      (_, i) => new Process({ target: (n: number) => [n, process.pid], args: [i], stdio: 'ignore' }),
    );
    await soon(Promise.all(all.map((p) => p.start())), 'starts');
    const results = (await soon(Promise.all(all.map((p) => p.result())), 'results')) as [number, number][];
    assert.deepEqual(
      results.map(([n]) => n),
      [...all.keys()],
    );
    assert.deepEqual(
      results.map(([, pid]) => pid),
      all.map((p) => p.pid),
    );
    assert.equal(new Set(results.map(([, pid]) => pid)).size, 50);
    assert.deepEqual(activeChildren(), []);
  }),
);

test(
  'A child killed from outside is a ProcessDiedError with pid, exitCode, signal and phase, at once  [fault 3, 8]',
  clean(async (t) => {
    const p = await started(t, {
      stdio: 'pipe',
      target: () => {
        console.log('ready');
        return new Promise<void>(() => void setInterval(() => {}, 1e6));
      },
    });
    await new Lines(p.stdout as NonNullable<typeof p.stdout>).line(/^ready$/);
    const begin = performance.now();
    process.kill(p.pid as number, 'SIGKILL');
    const error = await soon(p.exception(), 'exception');
    assert.ok(error instanceof ProcessDiedError);
    assert.ok(performance.now() - begin < 5000);
    assert.deepEqual(
      [error.pid, error.exitCode, error.signal, error.phase, error.code],
      [p.pid, -9, 'SIGKILL', 'running', 'ERR_MP_PROCESS_DIED'],
    );
    assert.match(error.hint as string, /out of memory/);

    const starting = await started(t, { target: () => {} });
    process.kill(starting.pid as number, 'SIGSEGV');
    await assert.rejects(soon(starting.join(), 'join'), { name: 'ProcessDiedError', phase: 'starting', signal: 'SIGSEGV' });
  }),
);
