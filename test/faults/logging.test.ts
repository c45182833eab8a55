/**
 * Children that die at each step of logging, parents that do not read, handlers that fail.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { Event, Process, ProcessDiedError } from 'multiproc';
import { listen, logtape, type TapeRecord } from '../logging/logging-support.js';
import { leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';

const warmUp = async () => {
  const event = new Event();
  const process = new Process({ target: () => event.isSet() });
  await process.start();
  await process.join();
};
const clean = (body: (t: TestContext) => Promise<void>) => leavesNothing(body, { warmUp });
const DEADLINE_MS = 30_000;

/** Logs without end. */
function flood(bytes: number): void {
  const log = logtape().getLogger('app');
  const padding = 'x'.repeat(bytes);
  for (let i = 0; ; i++) log.info('{i}', { i, padding });
}

function numbersOf(records: readonly TapeRecord[]): number[] {
  return records.flatMap(({ properties }) => (typeof properties['i'] === 'number' ? [properties['i']] : []));
}

function droppedOf(records: readonly TapeRecord[]): number {
  return records.reduce((sum, { properties }) => sum + Number(properties['dropped'] ?? 0), 0);
}

/** Blocks this thread, event loop and all, until a process is gone. */
function blockUntilGone(pid: number): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const deadline = Date.now() + DEADLINE_MS;
  while (existsSync(`/proc/${pid}`)) {
    assert.ok(Date.now() < deadline, 'the child goes on');
    Atomics.wait(never, 0, 0, 5);
  }
}

for (const [point, at, bytes, handled] of [
  ['log.beforePublish', 1, 10, 0],
  ['log.beforeCommit', 5, 10, 4],
  ['log.afterCommit', 5, 10, 5],
  ['log.beforeGrow', 1, 10_000, undefined],
  ['log.beforeDrop', 1, 10_000, undefined],
  ['log.afterDrop', 3, 10_000, undefined],
] as const) {
  test(
    `a child killed at ${point} leaves whole records, and what was dropped is counted to the last  [fault 44]`,
    clean(async (t) => {
      const records = listen(t);
      const child = new Process({
        target: flood,
        args: [bytes],
        env: { MULTIPROC_FAULT: `${point}:kill@${at}` },
        stdio: 'ignore',
      });
      await child.start();
      blockUntilGone(child.pid as number); // nobody reads meanwhile
      await assert.rejects(child.join(), ProcessDiedError);
      const numbers = numbersOf(records);
      const last = numbers.at(-1) ?? -1;
      assert.equal(numbers.length + droppedOf(records), last + 1);
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
      if (handled !== undefined) assert.equal(numbers.length, handled);
      else assert.ok(numbers.length > 5);
      assert.equal(droppedOf(records) > 0, point === 'log.afterDrop');
    }),
  );
}

test(
  'a child killed before it rings leaves the others heard  [fault 44]',
  clean(async (t) => {
    const records = listen(t);
    const go = new Event();
    const end = new Event();
    const speak = (start: Event, stop: Event) => {
      start.waitSync();
      logtape().getLogger('app').info('heard');
      stop.waitSync();
    };
    const living = new Process({ target: speak, args: [go, end], stdio: 'ignore' });
    const dying = new Process({
      target: (start: Event) => {
        start.set(); // both log at once
        logtape().getLogger('app').info('last words');
      },
      args: [go],
      env: { MULTIPROC_FAULT: 'log.beforeRing:kill@1' },
      stdio: 'ignore',
    });
    await living.start();
    await dying.start();
    await dying.join().catch((error: unknown) => assert.ok(error instanceof ProcessDiedError));
    const heard = async () => {
      while (records.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await withDeadline(heard(), DEADLINE_MS, 'both records');
    end.set();
    await living.join();
    assert.deepEqual(records.map(({ message }) => message.join('')).sort(), ['heard', 'last words']);
  }),
);

test(
  'what a grandchild logged is handled although its parent was killed before it handed it on  [fault 44]',
  clean(async (t) => {
    const records = listen(t);
    const logged = new Event();
    const child = new Process({
      target: async (done: Event) => {
        const grandchild = new Process({
          name: 'Grandchild',
          target: (ready: Event) => {
            for (let i = 0; i < 100; i++) logtape().getLogger('app').info('{i}', { i });
            ready.set();
            for (;;);
          },
          args: [done],
        });
        await grandchild.start();
        const never = new Int32Array(new SharedArrayBuffer(4));
        Atomics.wait(never, 0, 0); // hands nothing on
      },
      args: [logged],
      stdio: 'ignore',
    });
    await child.start();
    await logged.wait(DEADLINE_MS);
    child.kill();
    await child.join();
    assert.deepEqual(
      numbersOf(records),
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.ok(records.every(({ properties }) => properties['processName'] === 'Grandchild'));
  }),
);

test(
  'a flood that nobody reads costs the oldest records below error, counted, and no error  [fault 44]',
  clean(async (t) => {
    const records = listen(t);
    const child = new Process({
      target: () => {
        const log = logtape().getLogger('app');
        const padding = 'x'.repeat(1000);
        for (let i = 0; i < 20_000; i++) {
          if (i % 100 === 0) log.error('{e}', { e: i });
          else log.info('{i}', { i, padding });
        }
      },
      stdio: 'ignore',
    });
    await child.start();
    blockUntilGone(child.pid as number);
    await child.join();
    const errors = records.flatMap(({ properties }) => (typeof properties['e'] === 'number' ? [properties['e']] : []));
    assert.deepEqual(
      errors,
      Array.from({ length: 200 }, (_, i) => i * 100),
    );
    assert.equal(numbersOf(records).length + droppedOf(records), 19_800);
    assert.ok(numbersOf(records).length > 7000 && droppedOf(records) > 0);
    const notice = records.find(({ properties }) => 'dropped' in properties);
    assert.equal(notice?.level, 'warning');
    assert.match(String(notice?.message[0]), /^\d+ log records of Process-\d+ \(pid \d+\) were dropped/);
  }),
);

test(
  'errors for which a blocked parent makes no room appear on the child’s stderr, whole and harmless  [fault 44]',
  clean(async (t) => {
    const records = listen(t);
    const child = new Process({
      target: () => {
        const log = logtape().getLogger('app');
        const padding = 'x'.repeat(100_000);
        for (let i = 0; i < 100; i++) log.error('\x1b[31m{i} {padding}', { i, padding });
      },
      stdio: 'pipe',
    });
    await child.start();
    let printed = '';
    child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const closed = new Promise((resolve) => child.stderr?.on('close', resolve));
    const never = new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(never, 0, 0, 2000); // longer than a child waits for its reader
    await child.join();
    await closed;
    const lines = printed.split('\n').filter((line) => line !== '');
    assert.ok(lines.length > 0);
    assert.ok(lines.every((line) => /^\[ERROR\/Process-\d+\] \\x1b\[31m\d+ 'x{100000}'$/.test(line)));
    assert.deepEqual(
      [...numbersOf(records), ...lines.map((line) => Number(/31m(\d+) /.exec(line)?.[1]))].sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i),
    );
  }),
);

test(
  'a filter or sink that throws costs neither the parent nor a record of another  [fault 43]',
  clean(async (t) => {
    const seen: unknown[] = [];
    logtape().configureSync({
      reset: true,
      sinks: {
        all: ({ properties }) => {
          seen.push(properties['i']);
          if (properties['i'] === 2) throw new Error('no space left on device');
        },
      },
      filters: {
        picky: ({ properties }) => {
          if (properties['i'] === 1) throw new Error('cannot tell');
          return true;
        },
      },
      loggers: [
        { category: 'app', sinks: ['all'], filters: ['picky'] },
        { category: ['logtape', 'meta'], lowestLevel: null },
      ],
    });
    t.after(() => logtape().resetSync());
    const child = new Process({
      target: () => {
        for (let i = 0; i < 4; i++) logtape().getLogger('app').info('{i}', { i });
      },
      stdio: 'ignore',
    });
    await child.start();
    await child.join();
    assert.deepEqual(seen, [0, 2, 3]);
  }),
);
