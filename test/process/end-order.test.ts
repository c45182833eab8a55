import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Finalize, Process, Queue } from '#src/index.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';
import { clean, folder, program, soon, untilGone } from './process-support.js';

/** Takes what is in the queue by now. */
function drained<T>(queue: Queue<T>): T[] {
  const items: T[] = [];
  for (let item = queue.tryGet(); item !== null; item = queue.tryGet()) items.push(item.value);
  return items;
}

eachKind(
  'finalizers run by priority, of equal ones the last made first; each once, by hand, collection or the end  [_TestFinalize.test_finalize] [U-04]',
  async (kind, t) => {
    const order = new Queue<string>();
    t.after(() => order.close());
    const child = await startChild(
      kind,
      t,
      () => {
        const put = (name: string) => void order.tryPut(name);
        const kept = {};
        (globalThis as { kept?: object }).kept = kept;
        const byHand = new Finalize({}, put, { args: ['b'] });
        byHand.run();
        byHand.run();
        new Finalize(kept, put, { args: ['never: it is neither collected nor for the end'] });
        new Finalize(kept, put, { args: ['d01'], exitPriority: 1 });
        new Finalize(kept, put, { args: ['d02'], exitPriority: 1 });
        new Finalize(kept, put, { args: ['d03'], exitPriority: 1 });
        new Finalize(null, put, { args: ['d10'], exitPriority: 10 });
        new Finalize(null, put, { args: ['cancelled'], exitPriority: 10 }).cancel();
        new Finalize(null, put, { args: ['e'], exitPriority: -10 });
        process.on('exit', () => put('exit handler'));
      },
      [],
    );
    await soon(child.join(), 'join');
    assert.deepEqual(drained(order), ['b', 'd10', 'd03', 'd02', 'd01', 'e', 'exit handler']);
  },
);

eachKind(
  'a finalizer is awaited at the end of a child; one that throws is reported and stops nobody  [U-04]',
  async (kind, t) => {
    const order = new Queue<string>();
    t.after(() => order.close());
    const child = await startChild(
      kind,
      t,
      () => {
        new Finalize(null, () => void order.tryPut('last'), { exitPriority: 0 });
        const fail = () => {
          throw new Error('of a finalizer');
        };
        new Finalize(null, fail, { exitPriority: 1 });
        const slowly = async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          order.tryPut('awaited');
        };
        new Finalize(null, slowly, { exitPriority: 2 });
        return 'result';
      },
      [],
    );
    assert.equal(await soon(child.result(), 'result'), 'result');
    assert.deepEqual(drained(order), ['awaited', 'last']);
  },
);

test('Finalize.run() gives what the callback returned, the first time; stillActive() and cancel() go by that  [U-04]', () => {
  const finalizer = new Finalize(null, (a: number, b: number) => a + b, { args: [1, 2], exitPriority: 0 });
  assert.equal(finalizer.stillActive(), true);
  assert.equal(finalizer.run(), 3);
  assert.equal(finalizer.stillActive(), false);
  assert.equal(finalizer.run(), undefined);
  const cancelled = new Finalize({}, assert.fail);
  cancelled.cancel();
  assert.equal(cancelled.stillActive(), false);
  assert.equal(cancelled.run(), undefined);
});

test('Finalize refuses what it could never call  [U-04]', () => {
  assert.throws(() => new Finalize(null, () => {}), { name: 'TypeError', message: /needs an object or an exitPriority/ });
  assert.throws(() => new Finalize({}, 'text' as never), { name: 'TypeError', message: /received text/ });
  assert.throws(() => new Finalize(null, () => {}, { exitPriority: 'high' as never }), { name: 'TypeError', message: /high/ });
});

eachKind('a finalizer runs when its object has been collected  [U-04]', async (kind, t) => {
  const collected = await inChild(kind, t, async () => {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    return new Promise((resolve) => {
      new Finalize({}, resolve, { args: ['collected'] });
      setInterval(gc, 10);
    });
  });
  assert.equal(collected, 'collected');
});

eachKind('exit handlers of a child run, also after its own process.exit()  [_TestAtExit.test_atexit] [B-10]', async (kind, t) => {
  for (const exits of [false, true]) {
    const seen = new Queue<string>();
    const child = await startChild(
      kind,
      t,
      (doesExit: boolean) => {
        process.on('exit', (code) => void seen.tryPut(`exit ${code}`));
        if (doesExit) process.exit(0);
      },
      [exits],
    );
    await soon(child.join(), 'join');
    assert.deepEqual(drained(seen), ['exit 0']);
    seen.close();
  }
});

test(
  'A child ends in order: target, finalizers, daemons, other children, last finalizers, exit handlers  [B-10, B-11]',
  clean(async (t) => {
    const order = new Queue<string>();
    t.after(() => order.close());
    const child = new Process({
      stdio: 'ignore',
      target: async () => {
        const put = (name: string) => void order.tryPut(name);
        process.on('exit', () => put('exit handler'));
        new Finalize(null, put, { args: ['last finalizer'], exitPriority: -1 });
        const daemon = new Process({
          daemon: true,
          target: () => {
            process.on('SIGTERM', () => {
              put('daemon');
              process.exit(0);
            });
            put('ready');
            return new Promise(() => setInterval(() => {}, 1000));
          },
        });
        const go = new Queue<string>();
        const other = new Process({ target: async () => put(`other child: ${await go.get()}`) });
        await daemon.start();
        await other.start();
        while (order.qsize() < 1) await new Promise((resolve) => setTimeout(resolve, 5));
        new Finalize(null, () => put('first finalizer'), { exitPriority: 0 });
        // The other child ends only after the daemon has: what it waits for comes from a look at the order so far.
        setInterval(() => {
          if (order.qsize() >= 4) go.tryPut('goes');
        }, 5);
        put('target');
      },
    });
    await child.start();
    await soon(child.join(), 'join');
    assert.deepEqual(drained(order), [
      'ready',
      'target',
      'first finalizer',
      'daemon',
      'other child: goes',
      'last finalizer',
      'exit handler',
    ]);
  }),
);

for (const [way, code] of [
  ['ends', 0],
  ['exits', 3],
  ['throws', 1],
] as const) {
  test(
    `A main program that ${way} runs its finalizers by priority  [B-11, U-04]`,
    clean(async (t) => {
      const path = join(folder(t), 'trace');
      const end = await program(t, 'finalizes.mjs', [way, path]).end();
      assert.deepEqual([end.code, readFileSync(path, 'utf8')], [code, 'high low lowest']);
      assert.equal(end.stderr.split('Error: mine').length - 1, way === 'throws' ? 1 : 0);
    }),
  );
}

for (const [way, code, stacks] of [
  ['exit', 3, 0],
  ['throw', 1, 1],
] as const) {
  test(
    `A program that ends by ${way} with work pending takes it all with it, and one line says what  [fault 27]`,
    clean(async (t) => {
      const main = program(t, 'abandons.mjs', [way]);
      const pids = await main.value<number[]>('pids');
      const end = await main.end();
      await untilGone(pids);
      assert.equal(end.code, code);
      const lines = end.stderr.split('\n').filter((line) => line.startsWith('multiproc:'));
      assert.deepEqual(lines, ['multiproc: MainProcess ends and abandons 5 tasks and 1 child (Process-1)']);
      assert.equal(end.stderr.split(/^ {4}at /m).length > 1, stacks > 0);
      assert.equal(end.stderr.split('Error: mine').length - 1, stacks);
      if (stacks === 0) assert.equal(end.stderr, `${lines[0]}\n`);
    }),
  );
}

test(
  'A program that has nothing pending ends without a word, with idle workers and daemons too  [fault 28]',
  clean(async (t) => {
    const main = program(t, 'abandons.mjs', ['idle']);
    const pids = await main.value<number[]>('pids');
    assert.deepEqual(await main.end().then(({ code, stderr }) => [code, stderr]), [0, '']);
    await untilGone(pids);
  }),
);
