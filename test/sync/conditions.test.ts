/**
 * Conditions and events with every kind of child: what Python's tests of them ask for, and what ours promise beyond.
 */
import assert from 'node:assert/strict';
import { Condition, Event, Lock, ProcessError, Semaphore, TimeoutError, Value } from '#src/index.js';
import { withDeadline } from '../support/deadline.js';
import { eachKind, inChild, type Kind, startChild } from '../support/kinds.js';

const DEADLINE_MS = 60_000;
const within = <T>(promise: PromiseLike<T>, what: string) => withDeadline(promise, DEADLINE_MS, what);

/** Waits once, blocking or not; says before that it is about to, and afterwards that it is awake. */
async function waitOnce(condition: Condition, asleep: Semaphore, awake: Semaphore, isBlocking: boolean, timeout?: number) {
  await condition.acquire();
  asleep.release();
  const notified = isBlocking ? condition.waitSync(timeout) : await condition.wait(timeout);
  awake.release();
  condition.release();
  return notified;
}

/** Waits in children, blocking, and as often here, in this event loop; ends when all of them wait. */
async function waiters(kind: Kind, t: Parameters<typeof startChild>[1], count: number, timeout?: number) {
  const [condition, asleep, awake] = [new Condition(new Lock()), new Semaphore(0), new Semaphore(0)];
  const children = await Promise.all(
    Array.from({ length: count }, () => startChild(kind, t, waitOnce, [condition, asleep, awake, true, timeout])),
  );
  const here = Array.from({ length: count }, () => waitOnce(condition, asleep, awake, false, timeout));
  for (let i = 0; i < 2 * count; i++) await within(asleep.acquire(), 'all are about to wait');
  const results = () => within(Promise.all([...here, ...children.map((child) => child.result())]), 'all are awake');
  return { condition, awake, results };
}

const takeAll = async (semaphore: Semaphore, count: number) => {
  for (let i = 0; i < count; i++) await within(semaphore.acquire(), `${count} are awake`);
};

eachKind(
  'a notification wakes one that waits, of children and here  [_TestCondition.test_notify] [Y-13] [Y-14] [Y-16]',
  async (kind, t) => {
    const { condition, awake, results } = await waiters(kind, t, 1);
    // Who has the lock knows that they wait: they give it up by waiting only.
    await within(
      condition.run(() => assert.equal(awake.getValue(), 0)),
      'the lock',
    );
    await within(
      condition.run(() => condition.notify()),
      'the lock',
    );
    await takeAll(awake, 1);
    await condition.run(() => {
      assert.equal(awake.getValue(), 0);
      condition.notify();
    });
    await takeAll(awake, 1);
    assert.deepEqual(await results(), [true, true]);
  },
);

eachKind('as many are woken as were notified  [_TestCondition.test_notify_n] [Y-16]', async (kind, t) => {
  const { condition, awake, results } = await waiters(kind, t, 3);
  await condition.run(() => condition.notify(2));
  await takeAll(awake, 2);
  await condition.run(() => {
    assert.equal(awake.getValue(), 0);
    condition.notify(0);
    condition.notify(4);
  });
  assert.deepEqual(await results(), [true, true, true, true, true, true]);
  await condition.run(() => condition.notify(3));
  assert.equal(awake.getValue(), 4);
  assert.equal(await condition.run(() => condition.wait(1)), false);
});

eachKind('all are woken, after others ran out of time  [_TestCondition.test_notify_all] [Y-16]', async (kind, t) => {
  const late = await waiters(kind, t, 2, 50);
  assert.deepEqual(await late.results(), [false, false, false, false]);
  assert.equal(late.awake.getValue(), 4);
  const { condition, awake, results } = await waiters(kind, t, 3);
  await condition.run(() => {
    assert.equal(awake.getValue(), 0);
    condition.notifyAll();
  });
  assert.deepEqual(await results(), [true, true, true, true, true, true]);
});

eachKind(
  'a wait without notification ends in time, and has the lock again  [_TestCondition.test_timeout] [Y-14]',
  async (kind, t) => {
    const condition = new Condition();
    const wait = async (own: Condition) => {
      using held = await own.acquire();
      const begun = performance.now();
      const notified = [own.waitSync(30), await own.wait(30)];
      own.notify(); // throws unless the lock is held
      return { notified, waited: performance.now() - begun >= 58, locked: held.locked() };
    };
    assert.deepEqual(await wait(condition), { notified: [false, false], waited: true, locked: true });
    assert.deepEqual(await inChild(kind, t, wait, condition), { notified: [false, false], waited: true, locked: true });
  },
);

eachKind('waitFor ends when its predicate holds  [_TestCondition.test_waitfor] [Y-15]', async (kind, t) => {
  const condition = new Condition();
  const state = new Value('i', -1);
  const child = await startChild(
    kind,
    t,
    (own: Condition, shared: Value<'i'>) =>
      own.runSync(() => {
        shared.value = 0;
        own.notify();
        const result = own.waitForSync(() => shared.value === 4 && 'four');
        return { result, seen: shared.value };
      }),
    [condition, state],
  );
  assert.equal(
    await within(
      condition.run(() => condition.waitFor(() => state.value === 0)),
      'the child waits',
    ),
    true,
  );
  for (let i = 0; i < 4; i++)
    await condition.run(() => {
      state.value++;
      condition.notify();
    });
  assert.deepEqual(await within(child.result(), 'the predicate holds'), { result: 'four', seen: 4 });
});

eachKind(
  'waitFor gives the last value of its predicate when time runs out  [_TestCondition.test_waitfor_timeout] [Y-15]',
  async (kind, t) => {
    const condition = new Condition();
    const state = new Value('i', 0);
    const ready = new Semaphore(0);
    const child = await startChild(
      kind,
      t,
      (own: Condition, shared: Value<'i'>, isReady: Semaphore) =>
        own.runSync(() => {
          isReady.release();
          const begun = performance.now();
          const result = own.waitForSync(() => shared.value === 4, 100);
          return { result, waited: performance.now() - begun >= 99 };
        }),
      [condition, state, ready],
    );
    await within(ready.acquire(), 'the child begins');
    for (let i = 0; i < 3; i++)
      await condition.run(() => {
        state.value++;
        condition.notify();
      });
    assert.deepEqual(await within(child.result(), 'the time runs out'), { result: false, waited: true });
  },
);

eachKind('a wait says how it ended, and an interrupt ends it  [_TestCondition.test_wait_result] [Y-14]', async (kind, t) => {
  const condition = new Condition();
  await condition.acquire();
  assert.equal(await condition.wait(0), false);
  assert.equal(await condition.wait(10), false);
  const child = await startChild(kind, t, (own: Condition) => own.run(() => own.notify()), [condition]);
  assert.equal(await within(condition.wait(DEADLINE_MS), 'the notification'), true);
  await child.join();
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new Error('interrupted')));
  const interrupter = await startChild(kind, t, (pid: number) => void process.kill(pid, 'SIGINT'), [process.pid]);
  await within(assert.rejects(condition.wait({ signal: controller.signal }), /interrupted/), 'the interrupt');
  await interrupter.join();
  condition.notify(); // the lock is held again
  condition.release();
  assert.equal(condition.locked(), false);
});

eachKind('a condition asks for its lock  [Y-14] [Y-16]', async (kind, t) => {
  const condition = new Condition(new Lock());
  await condition.acquire();
  const codes = await inChild(
    kind,
    t,
    async (own: Condition) => {
      const acts = [
        () => own.wait(0),
        () => own.waitSync(0),
        () => own.notify(),
        () => own.notifyAll(),
        () => own.waitFor(() => true),
      ];
      const found: string[] = [];
      for (const act of acts) {
        try {
          await (async () => act())();
        } catch (error) {
          found.push(error instanceof ProcessError ? String(error.code) : String(error));
        }
      }
      return found;
    },
    condition,
  );
  assert.deepEqual(
    codes,
    Array.from({ length: 5 }, () => 'ERR_MP_NOT_OWNER'),
  );
  condition.release();
});

eachKind('a wait gives up all levels of an RLock, and has them again  [Y-14]', async (kind, t) => {
  const condition = new Condition();
  await condition.acquire();
  await condition.acquire();
  const child = await startChild(kind, t, (own: Condition) => own.runSync(() => own.notify()), [condition]);
  assert.equal(await within(condition.wait(), 'the notification'), true);
  await child.join();
  condition.release();
  assert.equal(condition.locked(), true);
  condition.release();
  assert.equal(condition.locked(), false);
});

eachKind('an event is waited for until it is set  [_TestEvent.test_event] [Y-17]', async (kind, t) => {
  const event = new Event();
  assert.equal(event.isSet(), false);
  await assert.rejects(event.wait(0), TimeoutError);
  await assert.rejects(event.wait(20), TimeoutError);
  assert.throws(() => event.waitSync(20), TimeoutError);
  event.set();
  assert.equal(event.isSet(), true);
  await event.wait();
  await event.wait(20);
  event.waitSync();
  event.clear();
  assert.equal(event.isSet(), false);
  const child = await startChild(kind, t, (own: Event) => own.set(), [event]);
  await within(event.wait(), 'the child sets it');
  await child.join();
  event.clear();
  const blocking = await startChild(kind, t, (own: Event) => own.set(), [event]);
  event.waitSync(DEADLINE_MS);
  await blocking.join();
  assert.equal(event.isSet(), true);
});

eachKind(
  'an event that is set and cleared at once wakes all who waited, in children and here  [Y-17] [fault 14]',
  async (kind, t) => {
    const event = new Event();
    const waiting = new Semaphore(0);
    const looping = (own: Event, isWaiting: Semaphore) => {
      const wait = own.wait();
      isWaiting.release();
      return wait;
    };
    const children = await Promise.all([
      startChild(kind, t, looping, [event, waiting]),
      startChild(kind, t, looping, [event, waiting]),
    ]);
    const here = looping(event, waiting);
    for (let i = 0; i < 3; i++) await within(waiting.acquire(), 'all wait');
    event.set();
    event.clear();
    await within(Promise.all([here, ...children.map((child) => child.result())]), 'all are awake');
    assert.equal(event.isSet(), false);
  },
);
