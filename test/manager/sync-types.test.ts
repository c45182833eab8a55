/**
 * Locks, queues and the like of a manager, between processes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BrokenBarrierError,
  InvalidStateError,
  ProcessError,
  QueueEmptyError,
  QueueFullError,
  QueueShutDownError,
  TimeoutError,
} from '#src/index.js';
import { eachKindWithManager, withManager } from './manager-kinds.js';

const CODE = (code: string) => (error: unknown) => error instanceof ProcessError && error.code === code;

eachKindWithManager('Event  [TestSyncManagerTypes.test_event] [G-34]', async (manager, inChild) => {
  const event = await manager.Event();
  await event.set();
  const seen = await inChild(async (each) => {
    const wasSet = await each.isSet();
    await each.wait();
    each.sync.clear();
    const late = await each.wait(1).catch((error: Error) => error.name);
    return { wasSet, late };
  }, event);
  assert.deepEqual(seen, { wasSet: true, late: 'TimeoutError' });
  assert.equal(await event.isSet(), false);
  await assert.rejects(event.wait(1), TimeoutError);
  const woken = inChild((each) => each.sync.wait(), event);
  const here = event.wait();
  await event.set();
  await Promise.all([woken, here]);
});

eachKindWithManager(
  'a lock that a child acquired and released is free  [TestSyncManagerTypes.test_rlock] [G-32]',
  async (manager, inChild) => {
    for (const lock of [await manager.Lock(), await manager.RLock()]) {
      await inChild(async (each) => {
        await each.acquire();
        await each.release();
        each.sync.acquire().release();
        return each.sync.run(() => each.sync.locked());
      }, lock);
      assert.equal(await lock.locked(), false);
    }
  },
);

eachKindWithManager(
  'a lock belongs to the thread that acquired it; releasing it too often is an error  [TestSyncManagerTypes.test_lock]',
  async (manager, inChild) => {
    const lock = await manager.Lock();
    assert.equal(await lock.acquire(), lock);
    await inChild(async (each) => {
      if (await each.tryAcquire()) throw new Error('it was free');
      await each.acquire(1).catch((error: Error) => {
        if (error.name !== 'TimeoutError') throw error;
      });
      await each.release().catch((error: { code: string }) => {
        if (error.code !== 'ERR_MP_NOT_OWNER') throw error;
      });
    }, lock);
    await lock.release();
    await assert.rejects(lock.release(), CODE('ERR_MP_NOT_OWNER'));
  },
);

test(
  'an RLock is re-entrant for its thread, and within run() for the flow of that run',
  withManager(async (manager) => {
    const lock = await manager.RLock();
    await lock.acquire();
    await lock.acquire();
    await lock.run(async () => assert.equal(await lock.tryAcquire(), true));
    await lock.release();
    await lock.release();
    assert.equal(await lock.locked(), true);
    await lock.release();
    assert.equal(await lock.locked(), false);
    let inside = 0;
    let most = 0;
    const flow = () =>
      lock.run(async () => {
        inside++;
        most = Math.max(most, inside);
        await lock.run(async () => void (await lock.locked()));
        await lock.acquire();
        await lock.release();
        inside--;
      });
    await Promise.all([flow(), flow(), flow()]);
    assert.deepEqual([inside, most], [0, 1]);
  }),
);

test(
  'a lock is released at the end of a block',
  withManager(async (manager) => {
    const lock = await manager.Lock();
    const held = await lock.acquire();
    assert.equal(await lock.locked(), true);
    await held[Symbol.asyncDispose]();
    assert.equal(await lock.locked(), false);
    {
      using _ = await lock.acquire();
    }
    assert.equal(await lock.locked(), false);
  }),
);

test(
  'an abort ends a wait, and the lock is not taken',
  withManager(async (manager) => {
    const lock = await manager.Lock();
    await lock.acquire();
    const controller = new AbortController();
    const waiting = lock.acquire({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(waiting, /^Error: enough$/);
    await lock.release();
    assert.equal(await lock.locked(), false);
  }),
);

eachKindWithManager(
  'Semaphore and BoundedSemaphore  [TestSyncManagerTypes.test_semaphore] [TestSyncManagerTypes.test_bounded_semaphore]',
  async (manager, inChild) => {
    const semaphore = await manager.Semaphore(2);
    await inChild(async (each) => void (await each.acquire()), semaphore);
    assert.equal(await semaphore.getValue(), 1);
    await semaphore.release(2);
    assert.equal(await semaphore.getValue(), 3);
    const bounded = await manager.BoundedSemaphore(1);
    assert.equal(await bounded.tryAcquire(), true);
    assert.equal(await bounded.tryAcquire(), false);
    await assert.rejects(bounded.acquire(1), TimeoutError);
    await bounded.release();
    await assert.rejects(bounded.release(), CODE('ERR_MP_OVER_RELEASE'));
    assert.equal(await bounded.run(() => bounded.getValue()), 0);
  },
);

eachKindWithManager('Condition  [TestSyncManagerTypes.test_condition] [G-33]', async (manager, inChild) => {
  const condition = await manager.Condition();
  await inChild(async (each) => {
    await each.acquire();
    await each.release();
  }, condition);
  const list = await manager.list<number>();
  const consumer = inChild(
    async (each, items) =>
      each.run(async () => {
        await each.waitFor(async () => (await items.length()) > 0);
        return items.pop();
      }),
    condition,
    list,
  );
  await condition.run(async () => {
    await list.push(5);
    await condition.notifyAll();
  });
  assert.equal(await consumer, 5);
  await condition.acquire();
  assert.equal(await condition.wait(1), false);
  assert.equal(await condition.waitFor(() => false, 1), false);
  await condition.release();
  await assert.rejects(condition.notify(), CODE('ERR_MP_NOT_OWNER'));
  await assert.rejects(condition.wait(), CODE('ERR_MP_NOT_OWNER'));
  const lock = await manager.Lock();
  const own = await manager.Condition(lock);
  await own.acquire();
  assert.equal(await lock.locked(), true);
  await own.release();
});

eachKindWithManager('Barrier  [TestSyncManagerTypes.test_barrier] [G-34]', async (manager, inChild) => {
  const five = await manager.Barrier(5);
  const seen = await inChild(async (each) => {
    const parties = await each.parties();
    await each.reset();
    return parties;
  }, five);
  assert.equal(seen, 5);
  const list = await manager.list<string>();
  const text = 'all here';
  const barrier = await manager.Barrier(2, { action: () => void list.push(text) });
  const there = inChild((each) => each.sync.wait(), barrier);
  const here = await barrier.wait();
  assert.deepEqual([here, await there].sort(), [0, 1]);
  assert.deepEqual(await list.toArray(), ['all here']);
  const waiting = barrier.wait();
  await barrier.abort();
  await assert.rejects(waiting, BrokenBarrierError);
  assert.equal(await barrier.broken(), true);
  await barrier.reset();
  await assert.rejects(barrier.wait(1), BrokenBarrierError);
});

eachKindWithManager(
  'Queue and JoinableQueue  [TestSyncManagerTypes.test_queue] [TestSyncManagerTypes.test_joinable_queue] [TestManagerExceptions.test_queue_get] [G-31]',
  async (manager, inChild) => {
    for (const queue of [await manager.Queue<number>(2), await manager.JoinableQueue<number>(2)]) {
      await queue.put(5);
      await queue.put(6);
      const seen = await inChild(async (each) => {
        const before = [await each.qsize(), await each.full(), await each.empty()];
        const items = [await each.get(), each.sync.get()];
        return { before, items, after: each.sync.empty() };
      }, queue);
      assert.deepEqual(seen, { before: [2, true, false], items: [5, 6], after: true });
      assert.deepEqual([await queue.empty(), await queue.full(), await queue.maxSize()], [true, false, 2]);
      await assert.rejects(queue.get(1), { name: 'TimeoutError', message: 'Cannot get: the queue was empty within 1 ms' });
      await assert.rejects(queue.getNowait(), QueueEmptyError);
      assert.equal(await queue.tryGet(), null);
      await queue.put(1);
      await queue.put(2);
      assert.equal(await queue.tryPut(3), false);
      await assert.rejects(queue.putNowait(3), QueueFullError);
      await assert.rejects(queue.put(3, 1), TimeoutError);
      const joined = queue.join();
      for (let i = 0; i < 4; i++) await queue.taskDone();
      await joined;
      await assert.rejects(queue.taskDone(), InvalidStateError);
    }
  },
);

eachKindWithManager('a queue wakes who waits in its order, and ends iteration at its shutdown', async (manager, inChild) => {
  const queue = await manager.Queue<number>();
  const gets = [queue.get(), queue.get(), queue.get()];
  for (const item of [1, 2, 3]) await queue.put(item);
  assert.deepEqual(await Promise.all(gets), [1, 2, 3]);
  const all = inChild(async (each) => {
    const items: number[] = [];
    for await (const item of each) items.push(item);
    return items;
  }, queue);
  for (const item of [4, 5]) await queue.put(item);
  await queue.shutdown();
  assert.deepEqual(await all, [4, 5]);
  await assert.rejects(queue.put(6), QueueShutDownError);
  const bounded = await manager.Queue<number>(1);
  await bounded.put(1);
  const waiting = [bounded.put(2), bounded.put(3)];
  assert.deepEqual([await bounded.get(), await bounded.get(), await bounded.get()], [1, 2, 3]);
  await Promise.all(waiting);
});

eachKindWithManager(
  'Pool: functions run in workers of the server  [TestSyncManagerTypes.test_pool] [G-35]',
  async (manager, inChild) => {
    const pool = await manager.Pool(2);
    const factor = 3;
    assert.deepEqual(await pool.map((x: number) => x * factor, [1, 2, 3]), [3, 6, 9]);
    assert.equal(await inChild((each) => each.apply((a: number, b: number) => a + b, [1, 2]), pool), 3);
    const later = await pool.applyAsync((x: number) => x + 1, [1]);
    assert.equal(await later.get(), 2);
    assert.equal(await later.successful(), true);
    const squares: number[] = [];
    for await (const square of await pool.imap((x: number) => x * x, [1, 2, 3])) squares.push(square);
    assert.deepEqual(squares, [1, 4, 9]);
    await assert.rejects(
      pool.apply(() => {
        throw new RangeError('mine');
      }),
      { name: 'RangeError', message: 'mine' },
    );
    await pool.terminate();
  },
);

eachKindWithManager(
  'Lists, dicts and namespaces in a child  [TestSyncManagerTypes.test_list] [TestSyncManagerTypes.test_dict] [TestSyncManagerTypes.test_namespace]',
  async (manager, inChild) => {
    const list = await manager.list([5]);
    const dict = await manager.dict({ foo: 5 });
    const names = await manager.Namespace({ x: 0, y: 1 });
    const seen = await inChild(
      async (l, d, n) => {
        await l.sort();
        await l.reverse();
        const ofList = [l.sync.at(0), l.sync.count(5), l.sync.indexOf(5), l.sync.length(), await l.pop(0)];
        const ofDict = [
          await d.size(),
          d.sync.get('foo'),
          d.sync.items(),
          d.sync.keys(),
          d.sync.values(),
          d.sync.copy(),
          await d.popItem(),
        ];
        return { ofList, ofDict, ofNames: [n.sync.x, await n.y] };
      },
      list,
      dict,
      names,
    );
    assert.deepEqual(seen.ofList, [5, 1, 0, 1, 5]);
    assert.deepEqual(seen.ofDict, [1, 5, [['foo', 5]], ['foo'], [5], new Map([['foo', 5]]), ['foo', 5]]);
    assert.deepEqual(seen.ofNames, [0, 1]);
    assert.deepEqual([await list.length(), await dict.size()], [0, 0]);
  },
);

test(
  'what a proxy is to run or to ask must be a function, which is said before anything is taken',
  withManager(async (manager) => {
    const bad = 5 as never;
    const refusal = {
      name: 'TypeError',
      message: /^Cannot call (run|waitFor)\(\): (f|predicate) must be a function, received 5$/,
    };
    const condition = await manager.Condition();
    for (const each of [await manager.Lock(), await manager.Semaphore(), condition]) {
      await assert.rejects(each.run(bad), refusal);
      assert.throws(() => each.sync.run(bad), refusal);
    }
    assert.equal(await condition.locked(), false);
    await assert.rejects(condition.waitFor(bad), refusal);
    assert.throws(() => condition.sync.waitFor(bad), refusal);
  }),
);

test(
  'a flow that acquires an RLock more often than it releases it holds it no longer than its run, which says so',
  withManager(async (manager) => {
    for (const lock of [await manager.RLock(), await manager.Condition()]) {
      await assert.rejects(
        lock.run(async () => {
          await lock.run(() => lock.acquire()); // of the same flow, which goes on
          await lock.acquire();
        }),
        {
          name: 'InvalidStateError',
          message: 'Cannot end RLock.run() with the lock held: it was acquired 2 times more than released within it',
        },
      );
      assert.equal(await lock.locked(), false);
      const own = new RangeError('of its own');
      await assert.rejects(
        lock.run(async () => {
          await lock.acquire();
          throw own;
        }),
        (error) => error === own,
      );
      assert.equal(await lock.locked(), false);
    }
  }),
);
