/**
 * What every synchronisation object promises alike: limits and aborts of waits, blocks that release, ways to travel, bad input.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  Barrier,
  BoundedSemaphore,
  BrokenBarrierError,
  Condition,
  Event,
  Lock,
  Pipe,
  Queue,
  RLock,
  Semaphore,
  TimeoutError,
} from '#src/index.js';
import { withDeadline } from '../support/deadline.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';

const DEADLINE_MS = 60_000;

/** What a wait of each object is, where nobody gives what it waits for, and how that is given in the end. */
const WAITS = [
  {
    name: 'Lock.acquire',
    make: () => new Lock().acquireSync(),
    wait: (lock: Lock, wait?: object) => lock.acquire(wait),
    give: (lock: Lock) => lock.release(),
    late: TimeoutError,
  },
  {
    name: 'Semaphore.acquire',
    make: () => new Semaphore(0),
    wait: (semaphore: Semaphore, wait?: object) => semaphore.acquire(wait),
    give: (semaphore: Semaphore) => semaphore.release(),
    late: TimeoutError,
  },
  {
    name: 'BoundedSemaphore.acquire',
    make: () => new BoundedSemaphore(1).acquireSync(),
    wait: (semaphore: Semaphore, wait?: object) => semaphore.acquire(wait),
    give: (semaphore: Semaphore) => semaphore.release(),
    late: TimeoutError,
  },
  {
    name: 'Event.wait',
    make: () => new Event(),
    wait: (event: Event, wait?: object) => event.wait(wait),
    give: (event: Event) => event.set(),
    late: TimeoutError,
  },
  {
    name: 'Condition.wait',
    make: () => new Condition(new Lock()),
    wait: (condition: Condition, wait?: object) =>
      condition.run(async () => {
        if (!(await condition.wait(wait))) throw new TimeoutError('Cannot wait: nobody notified');
      }),
    give: (condition: Condition) => condition.run(() => condition.notify()),
    late: TimeoutError,
  },
  {
    name: 'Barrier.wait',
    make: () => new Barrier(2),
    wait: (barrier: Barrier, wait?: object) => barrier.wait(wait),
    give: (barrier: Barrier) => barrier.wait(),
    late: BrokenBarrierError,
  },
] as const;

for (const { name, make, wait, give, late } of WAITS) {
  const waitFor = wait as (object: unknown, limit?: object) => Promise<unknown>;
  const giveTo = give as (object: unknown) => unknown;

  test(`${name}() ends when it is aborted, before or during it, with the reason of the signal`, async () => {
    await assert.rejects(waitFor(make(), { signal: AbortSignal.abort(new Error('before')) }), /before/);
    const controller = new AbortController();
    const aborted = assert.rejects(waitFor(make(), { signal: controller.signal }), /during/);
    setImmediate(() => controller.abort(new Error('during')));
    await aborted;
  });

  test(`${name}() ends when its time runs out`, async () => {
    await assert.rejects(waitFor(make(), { timeout: 5 }), late);
    await assert.rejects(waitFor(make(), { timeout: 0 }), late);
  });

  test(`${name}() refuses limits that are none, and names them`, async () => {
    await assert.rejects(waitFor(make(), { timeout: 'soon' }), /TypeError.*soon/);
    await assert.rejects(waitFor(make(), { timeout: Number.NaN }), /RangeError.*NaN/);
    await assert.rejects(waitFor(make(), { signal: {} }), TypeError);
    await assert.rejects(waitFor(make(), 'soon' as never), /TypeError.*soon/);
  });

  test(`${name}() keeps the event loop going, and no thread of Node's pool`, async () => {
    const object = make();
    // Of a barrier one wait would be the other's party.
    const count = name === 'Barrier.wait' ? 1 : 20;
    const waits = Array.from({ length: count }, () => waitFor(object));
    let turns = 0;
    for (; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(Array.from({ length: 8 }, () => readFile(new URL(import.meta.url))));
    assert.equal(turns, 50);
    for (let i = 0; i < count; i++) {
      await giveTo(object);
      if (name.startsWith('Lock') || name.startsWith('Bounded')) await waits[i];
    }
    await withDeadline(Promise.all(waits), DEADLINE_MS, 'all waits');
  });
}

test('a wait that is aborted takes nothing from those behind it', async () => {
  for (const semaphore of [new Semaphore(0), new BoundedSemaphore(1).acquireSync()]) {
    const controller = new AbortController();
    const first = assert.rejects(semaphore.acquire({ signal: controller.signal }), /gone/);
    const second = semaphore.acquire();
    controller.abort(new Error('gone'));
    semaphore.release();
    await Promise.all([first, second]);
    assert.equal(semaphore.getValue(), 0);
  }
  const condition = new Condition();
  const controller = new AbortController();
  const first = assert.rejects(
    condition.run(() => condition.wait({ signal: controller.signal })),
    /gone/,
  );
  const second = condition.run(() => condition.wait());
  await condition.run(() => {
    condition.notify();
    controller.abort(new Error('gone'));
  });
  await condition.run(() => condition.notify());
  await first.catch(() => {}); // it was notified before, or aborted: either way the other one is awake
  assert.equal(await withDeadline(second, DEADLINE_MS, 'the other one'), true);
});

test('a blocked wait heeds a signal that was aborted before', () => {
  const signal = AbortSignal.abort(new Error('before'));
  const [lock, semaphore, event, barrier] = [new Lock(), new Semaphore(), new Event(), new Barrier(2)];
  for (const wait of [
    () => lock.acquireSync({ signal }),
    () => semaphore.acquireSync({ signal }),
    () => event.waitSync({ signal }),
    () => barrier.waitSync({ signal }),
  ])
    assert.throws(wait, /before/);
  assert.equal(lock.locked(), false);
  assert.equal(semaphore.getValue(), 1);
});

eachKind('each object goes through arguments, queues, pipes and results, and is the same', async (kind, t) => {
  const objects = [
    new Lock(),
    new RLock(),
    new Semaphore(3),
    new BoundedSemaphore(3),
    new Condition(),
    new Event(),
    new Barrier(2),
  ] as const;
  const queue = new Queue<readonly unknown[]>();
  const [here, there] = Pipe<readonly unknown[]>();
  const back = (given: readonly unknown[], through: Queue<readonly unknown[]>, pipe: typeof there) => {
    const seen = [objects, through.getSync(), pipe.recvSync()];
    pipe.sendSync(given);
    return { given, same: seen.every((each) => each.every((object, at) => object === given[at])) };
  };
  await queue.put(objects);
  const child = await startChild(kind, t, back, [objects, queue, there]);
  await here.send(objects);
  const { given, same } = await withDeadline(child.result(), DEADLINE_MS, 'the child');
  assert.equal(same, true);
  const received = await here.recv();
  for (const [at, object] of objects.entries()) {
    assert.equal(given[at], object);
    assert.equal(received[at], object);
  }
  for (const end of [queue, here, there]) end.close();
});

eachKind('a thousand async waits of a child for a lock that is held here are served in their order', async (kind, t) => {
  const lock = new Lock();
  await lock.acquire();
  const waiting = new Semaphore(0);
  const child = await startChild(
    kind,
    t,
    async (own: Lock, isWaiting: Semaphore) => {
      const served: number[] = [];
      const waits = Array.from({ length: 1000 }, async (_, number) => {
        await own.acquire();
        served.push(number);
        own.release();
      });
      isWaiting.release();
      await Promise.all(waits);
      return served.every((number, at) => number === at) && served.length;
    },
    [lock, waiting],
  );
  await withDeadline(waiting.acquire(), DEADLINE_MS, 'the child waits');
  lock.release();
  assert.equal(await withDeadline(child.result(), DEADLINE_MS, 'all waits'), 1000);
});

eachKind('a lost lock is the error of run(), which does not release what it does not hold', async (kind, t) => {
  for (const make of [() => new Lock(), () => new RLock()]) {
    const condition = new Condition(make());
    const wait = condition.run(() => condition.wait());
    const heard = assert.rejects(wait, { name: 'LockOwnerDiedError' });
    const ended = await startChild(kind, t, (own: Condition) => void own.acquireSync(), [condition]);
    await ended.join();
    await withDeadline(heard, DEADLINE_MS, 'it hears of it');
    await condition.recover();
    condition.release();
    assert.equal(await inChild(kind, t, (own: Condition) => own.runSync(() => true), condition), true);
  }
});

test('what is no value, count or option is refused, and named', () => {
  const bad: readonly [() => unknown, RegExp][] = [
    [() => new Semaphore(-1), /RangeError.*received -1/],
    [() => new Semaphore(2 ** 31), /RangeError.*received 2147483648/],
    [() => new Semaphore(1.5), /RangeError.*received 1.5/],
    [() => new Semaphore('2' as never), /TypeError.*received 2/],
    [() => new Semaphore(2_000_000, { returnOnDeath: true }), /RangeError.*received 2000000/],
    [() => new BoundedSemaphore(-1), /RangeError.*received -1/],
    [() => new BoundedSemaphore(Number.NaN), /RangeError.*received NaN/],
    [() => new Semaphore().release(0), /RangeError.*received 0/],
    [() => new Semaphore().release(0.5), /RangeError.*received 0.5/],
    [() => new Lock({ onOwnerDeath: 'ignore' as never }), /TypeError.*received ignore/],
    [() => new RLock({ onOwnerDeath: 1 as never }), /TypeError.*received 1/],
    [() => new Lock(5 as never), /TypeError.*options must be an object, received 5/],
    [() => new Lock('x' as never), /TypeError.*options must be an object, received x/],
    [() => new RLock(null as never), /TypeError.*options must be an object, received null/],
    [() => new Semaphore(1, 5 as never), /TypeError.*options must be an object, received 5/],
    [() => new Semaphore(1, null as never), /TypeError.*options must be an object, received null/],
    [() => new Semaphore().release('1' as never), /TypeError.*received 1/],
    [() => new Barrier(2, 5 as never), /TypeError.*options must be an object, received 5/],
    [() => new Barrier(2, null as never), /TypeError.*options must be an object, received null/],
    [() => new Barrier('2' as never), /TypeError.*parties must be an integer from 1 to 16383, received 2/],
    [() => new Condition('lock' as never), /TypeError.*received lock/],
    [() => new Condition(new Semaphore() as never), /TypeError/],
    [() => new Barrier(0), /RangeError.*received 0/],
    [() => new Barrier(20_000), /RangeError.*received 20000/],
    [() => new Barrier(2.5), /RangeError.*received 2.5/],
    [() => new Barrier(2, { action: 'go' as never }), /TypeError.*received go/],
    [() => new Barrier(2, { timeout: 'soon' as never }), /TypeError.*received soon/],
  ];
  for (const [act, text] of bad) assert.throws(act, text);
  const condition = new Condition();
  condition.acquireSync();
  assert.throws(() => condition.notify('1' as never), /TypeError.*received 1/);
  assert.throws(() => condition.notify(-1), /RangeError.*received -1/);
  assert.throws(() => condition.notify(1.5), /RangeError.*received 1.5/);
  condition.release();
});

test('what is to be run must be a function, which is said before anything is taken', async () => {
  const bad = 5 as never;
  const refusal = (method: string, name = 'f') => ({
    name: 'TypeError',
    message: `Cannot call ${method}(): ${name} must be a function, received 5`,
  });
  for (const object of [new Lock(), new RLock(), new Semaphore(), new Condition()]) {
    const { name } = object.constructor;
    await assert.rejects(object.run(bad), refusal(`${name}.run`));
    assert.throws(() => object.runSync(bad), refusal(`${name}.runSync`));
    assert.equal(object.locked(), false);
    object.acquireSync(); // nor is a lock that is held waited for
    await assert.rejects(object.run(bad), refusal(`${name}.run`));
    object.release();
  }
  const condition = new Condition();
  await assert.rejects(condition.waitFor(bad), refusal('Condition.waitFor', 'predicate'));
  assert.throws(() => condition.waitForSync(bad), refusal('Condition.waitForSync', 'predicate'));
});
