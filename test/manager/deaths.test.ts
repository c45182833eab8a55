/**
 * What becomes of calls, locks, waits and objects when the server of a manager or one of its clients dies.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BrokenBarrierError, LockOwnerDiedError, Manager, ManagerDiedError, Process, type SyncManager, Value } from 'multiproc';
import { measureManagerLeak } from '../faults/manager-leak.js';
import { withDeadline } from '../support/deadline.js';
import { clean, withManager } from './manager-support.js';

const LONG_MS = 30_000;
const within = <T>(promise: PromiseLike<T>, what: string): Promise<T> => withDeadline(promise, LONG_MS, what);

/** Starts a child that says when it stands where it shall be killed. */
async function childAt<A extends unknown[]>(target: (here: Value<'i'>, ...args: A) => unknown, ...args: A): Promise<Process> {
  const here = new Value('i', 0);
  const child = new Process({ target: target as (...given: unknown[]) => unknown, args: [here, ...args] });
  words.set(child, here);
  await child.start();
  while (here.value === 0) await sleep(5);
  return child;
}

/** The word of a child that `childAt` started. */
function here(child: Process): Value<'i'> {
  return words.get(child) as Value<'i'>;
}

const words = new WeakMap<Process, Value<'i'>>();

async function kill(child: Process | undefined): Promise<void> {
  child?.kill();
  await child?.join();
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  await within(
    (async () => {
      while (!(await condition())) await sleep(10);
    })(),
    what,
  );
}

test(
  'the first call of a thread after the death of the server says which call it is, as later ones do',
  clean(async () => {
    const manager = await Manager();
    const dict = await manager.dict<string, number>({ a: 1 });
    const child = await childAt(async (here, each) => {
      here.value = 1;
      while (here.value === 1) await new Promise((resolve) => setTimeout(resolve, 5));
      const told = (error: unknown) => [(error as Error).name, (error as Error).message] as const;
      const first = await each.get('a').then(() => [], told);
      try {
        return [first, each.sync.get('a')];
      } catch (error) {
        return [first, told(error)];
      }
    }, dict);
    const { process: server } = manager;
    await kill(server);
    here(child).value = 2;
    for (const [name, message] of (await within(child.result(), 'what the child was told')) as string[][]) {
      assert.equal(name, 'ManagerDiedError');
      assert.match(String(message), /^Cannot call get\(\): the server process of the manager/);
    }
    await child.join();
  }),
);

test(
  'the death of the server rejects pending and later calls with ManagerDiedError, in event loops and blocking code  [fault 30]',
  clean(async () => {
    const manager = await Manager();
    const queue = await manager.Queue();
    const pending = [queue.get(), queue.get(), (await manager.Event()).wait()];
    const blocked = await childAt((here, each) => {
      here.value = 1;
      try {
        each.sync.get();
      } catch (error) {
        return (error as Error).name;
      }
      return undefined;
    }, queue);
    const failed = Promise.allSettled(pending);
    await kill(manager.process);
    for (const each of await within(failed, 'the pending calls')) {
      assert.ok(each.status === 'rejected' && each.reason instanceof ManagerDiedError);
    }
    await assert.rejects(queue.get(), ManagerDiedError);
    assert.throws(() => queue.sync.qsize(), ManagerDiedError);
    await assert.rejects(manager.dict(), ManagerDiedError);
    assert.equal(await within(blocked.result(), 'the blocked child'), 'ManagerDiedError');
    await manager.shutdown();
  }),
);

test(
  'a blocking call of the very parent of the server learns of its death',
  clean(async () => {
    const manager = await Manager();
    const queue = await manager.Queue();
    const pid = manager.process?.pid as number;
    const killer = new Process({
      target: (victim: number) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
        process.kill(victim, 'SIGKILL');
      },
      args: [pid],
    });
    await killer.start();
    assert.throws(() => queue.sync.get(), ManagerDiedError);
    await killer.join();
    await manager.shutdown();
  }),
);

test(
  'a client that dies holding a lock poisons it; recover() repairs it  [fault 16] [G-32]',
  withManager(async (manager) => {
    for (const lock of [await manager.Lock(), await manager.RLock(), await manager.Condition()]) {
      const child = await childAt(async (here, each) => {
        await each.acquire();
        here.value = 1;
        await new Promise(() => setTimeout(() => {}, 2 ** 30));
      }, lock);
      const waiting = lock.acquire();
      const rejected = assert.rejects(
        waiting,
        (error: unknown) => error instanceof LockOwnerDiedError && error.pid === child.pid,
      );
      await kill(child);
      await within(rejected, 'the waiting acquire');
      await assert.rejects(lock.tryAcquire(), LockOwnerDiedError);
      assert.throws(() => lock.sync.acquire(), LockOwnerDiedError);
      await lock.recover();
      await lock.release();
      await lock.acquire();
      await lock.release();
    }
  }),
);

test(
  'a client that ends in order while it holds a lock poisons it too; one that continues is handed on',
  withManager(async (manager) => {
    const lock = await manager.Lock();
    const lenient = await manager.Lock({ onOwnerDeath: 'continue' });
    const child = new Process({
      target: async (first: typeof lock, second: typeof lock) => {
        await first.acquire();
        await second.acquire();
      },
      args: [lock, lenient],
    });
    await child.start();
    await child.join();
    await until(async () => !(await lock.locked()), 'the end of the client');
    await assert.rejects(lock.acquire(), LockOwnerDiedError);
    await lenient.acquire(LONG_MS);
  }),
);

test(
  'permits of the dead: a bounded semaphore has them back, a semaphore if it shall',
  withManager(async (manager) => {
    const bounded = await manager.BoundedSemaphore(2);
    const returning = await manager.Semaphore(1, { returnOnDeath: true });
    const plain = await manager.Semaphore(1);
    const child = await childAt(
      async (here, ...semaphores) => {
        for (const semaphore of semaphores) await semaphore.acquire();
        here.value = 1;
        await new Promise(() => setTimeout(() => {}, 2 ** 30));
      },
      bounded,
      returning,
      plain,
    );
    const waiting = returning.acquire();
    await kill(child);
    await within(waiting, 'the permit of the dead');
    await until(async () => (await bounded.getValue()) === 2, 'the permits of the dead');
    assert.equal(await plain.getValue(), 0);
  }),
);

test(
  'a client that dies waiting for an item takes none  [fault 17]',
  withManager(async (manager) => {
    const queue = await manager.Queue<number>();
    for (const isBlocking of [false, true]) {
      const child = await childAt(
        async (here, each, blocking) => {
          here.value = 1;
          if (blocking) each.sync.get();
          else await each.get();
        },
        queue,
        isBlocking,
      );
      await sleep(50); // it waits now, or is about to: both must do
      await kill(child);
      for (let item = 0; item < 5; item++) await queue.put(item);
      await until(async () => (await queue.qsize()) === 5, 'the item of the dead');
      const got: number[] = [];
      for (let item = 0; item < 5; item++) got.push(await queue.get());
      assert.deepEqual(got, [0, 1, 2, 3, 4]);
    }
  }),
);

test(
  'a client that is stopped when an item comes, and killed, gives it back  [fault 17]',
  withManager(async (manager) => {
    const queue = await manager.Queue<number>();
    const child = await childAt(async (here, each) => {
      const waiting = each.get();
      await each.qsize(); // the server has both by now
      here.value = 1;
      await waiting;
    }, queue);
    process.kill(child.pid as number, 'SIGSTOP');
    await queue.put(1);
    await queue.put(2);
    assert.equal(await queue.get(), 2);
    await kill(child);
    assert.equal(await within(queue.get(), 'the item of the dead'), 1);
  }),
);

test(
  'a dead waiter of a condition does not eat a notification, and a dead party breaks a barrier',
  withManager(async (manager) => {
    const condition = await manager.Condition();
    const barrier = await manager.Barrier(2);
    const child = await childAt(
      async (here, each, gate) => {
        await each.acquire();
        const waiting = each.wait();
        const passing = gate.wait(); // begins after it
        while (!(await gate.nWaiting())) await new Promise(setImmediate);
        here.value = 1;
        await Promise.all([waiting, passing]);
      },
      condition,
      barrier,
    );
    const here = condition.run(() => condition.wait());
    await kill(child);
    await until(() => barrier.broken(), 'the broken barrier');
    await assert.rejects(barrier.wait(), BrokenBarrierError);
    await condition.run(() => condition.notify(1));
    assert.equal(await within(here, 'the notification'), true);
  }),
);

const collectGarbage = (): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
};

/** Has garbage collected here and in the server until so few objects are left. */
async function untilObjects(manager: SyncManager, most: number): Promise<void> {
  const gc = collectGarbage();
  await until(async () => {
    gc();
    return (await manager.numberOfObjects()) <= most;
  }, `no more than ${most} objects`);
}

test(
  'objects go when the last process has forgotten them, or has died  [G-16] [G-17]',
  withManager(async (manager) => {
    const kept = await manager.list<unknown>();
    const child = await childAt(
      async (here, each, list) => {
        const own = await Promise.all(Array.from({ length: 100 }, () => each.dict()));
        await list.push(own[0]);
        here.value = 1;
        await new Promise(() => setTimeout(() => own, 2 ** 30));
      },
      manager,
      kept,
    );
    assert.equal(await manager.numberOfObjects(), 101);
    await kill(child);
    await untilObjects(manager, 2);
    assert.equal(await ((await kept.at(0)) as { size(): Promise<number> }).size(), 0);
    await kept.clear();
  }),
);

test(
  'proxies that are made and forgotten leave nothing in the server (npm run test:manager-leaks: 100 000 of them)  [G-17]',
  clean(async () => {
    const { left } = await measureManagerLeak(4000);
    assert.ok(left <= 500, `${left} objects are left`);
  }),
);
