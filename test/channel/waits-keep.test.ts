/**
 * Who waits keeps what it waits for: an object that nobody else has is garbage only when its waits are over.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  Barrier,
  Condition,
  type Connection,
  Event,
  JoinableQueue,
  Lock,
  Pipe,
  Process,
  Queue,
  Semaphore,
  SimpleQueue,
  waitReady,
} from 'multiproc';
import { untilCollected } from '../futures/conformance-support.js';
import { leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';

interface Waiting<T extends object> {
  readonly make: () => T;
  /** Begins to wait. */
  readonly wait: (object: T) => Promise<unknown>;
  /** Ends the wait. */
  readonly end: (object: T) => unknown;
}

const waiting = <T extends object>(each: Waiting<T>): Waiting<T> => each;
const large = (bytes: number): Uint8Array => new Uint8Array(bytes);

function full(): Queue<number> {
  const queue = new Queue<number>(1);
  queue.putNowait(1);
  return queue;
}

function held(): Lock {
  const lock = new Lock();
  lock.acquireSync();
  return lock;
}

/** The other end of the last pipe, which stays. */
let peer: Connection | undefined;
function piped(): Connection {
  const [own, other] = Pipe();
  peer = other;
  return own;
}

const cases = {
  'Queue.put()': waiting({ make: full, wait: (queue) => queue.put(2), end: (queue) => queue.getNowait() }),
  'Queue.get()': waiting({ make: () => new Queue(), wait: (queue) => queue.get(), end: (queue) => queue.putNowait(1) }),
  'Queue.get() with a limit': waiting({
    make: () => new Queue(),
    wait: (queue) => queue.get(60_000),
    end: (queue) => queue.putNowait(1),
  }),
  'an iteration': waiting({
    make: () => new Queue(),
    wait: (queue) => queue[Symbol.asyncIterator]().next(),
    end: (queue) => queue.putNowait(1),
  }),
  'waitReady()': waiting({ make: () => new Queue(), wait: (queue) => waitReady([queue]), end: (queue) => queue.putNowait(1) }),
  'JoinableQueue.join()': waiting({
    make: () => {
      const queue = new JoinableQueue();
      queue.putNowait(1);
      return queue;
    },
    wait: (queue) => queue.join(),
    end: (queue) => queue.taskDone(),
  }),
  'SimpleQueue.get()': waiting({ make: () => new SimpleQueue(), wait: (queue) => queue.get(), end: (queue) => queue.putSync(1) }),
  'SimpleQueue.put()': waiting({
    make: () => {
      const queue = new SimpleQueue<Uint8Array>();
      queue.putSync(large(4_000_000));
      return queue;
    },
    wait: (queue) => queue.put(large(1_000_000)),
    end: (queue) => queue.getSync(),
  }),
  'Connection.recv()': waiting({ make: piped, wait: (own) => own.recv(), end: () => peer?.send(1) }),
  'Connection.send()': waiting({
    make: () => {
      const own = piped();
      own.sendSync(large(10_000_000));
      return own;
    },
    wait: (own) => own.send(large(10_000_000)),
    end: () => peer?.recv(),
  }),
  'Lock.acquire()': waiting({ make: held, wait: (lock) => lock.acquire(), end: (lock) => lock.release() }),
  'Semaphore.acquire()': waiting({
    make: () => new Semaphore(0),
    wait: (semaphore) => semaphore.acquire(),
    end: (semaphore) => semaphore.release(),
  }),
  'Event.wait()': waiting({ make: () => new Event(), wait: (event) => event.wait(), end: (event) => event.set() }),
  'Barrier.wait()': waiting({ make: () => new Barrier(2), wait: (barrier) => barrier.wait(), end: (barrier) => barrier.wait() }),
  'Condition.wait()': waiting({
    make: () => {
      const condition = new Condition();
      condition.acquireSync();
      return condition;
    },
    wait: (condition) => condition.wait(),
    end: (condition) => condition.run(() => condition.notify()),
  }),
};

/** In a frame of its own, so that nothing of this test has the object. */
function begin<T extends object>({ make, wait }: Waiting<T>): { reference: WeakRef<T>; settled: Promise<unknown> } {
  const object = make();
  const settled = wait(object);
  settled.catch(() => {});
  return { reference: new WeakRef(object), settled };
}

const warmUp = async () => {
  const lock = new Lock();
  const process = new Process({ target: () => lock.locked() });
  await process.start();
  await process.join();
};

for (const [name, each] of Object.entries(cases)) {
  const { end } = each as Waiting<object>;
  test(
    `${name} keeps the object that it waits for`,
    leavesNothing(
      async () => {
        const { reference, settled } = begin(each as Waiting<object>);
        for (let round = 0; round < 3; round++) {
          const control = new WeakRef(new Queue());
          await turn();
          await untilCollected(() => control.deref() === undefined, 'the end of what nobody has');
        }
        const object = reference.deref();
        assert.ok(object !== undefined, 'it is there');
        await end(object);
        await withDeadline(settled, 30_000, 'the wait');
        peer?.close();
        peer = undefined;
        (object as Partial<Queue>).close?.();
      },
      { warmUp },
    ),
  );
}
