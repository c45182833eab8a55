/**
 * What `console.log` shows of shared objects, in all kinds of children. Looking changes nothing.
 */
import assert from 'node:assert/strict';
import { inspect as inspectWith } from 'node:util';
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  JoinableQueue,
  Lock,
  Pipe,
  Queue,
  RawStruct,
  RawValue,
  RLock,
  Semaphore,
  ShareableList,
  SharedArray,
  SharedMemory,
  SimpleQueue,
  Struct,
  Value,
} from '#src/index.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';

/** In one line. */
const inspect = (value: unknown) => inspectWith(value, { breakLength: Number.POSITIVE_INFINITY, compact: 9 });

eachKind('a lock shows whether it is held, and by whom  [_TestLock.test_repr_lock] [Y-05]', async (kind, t) => {
  const lock = new Lock();
  assert.equal(inspect(lock), 'Lock { locked: false }');
  await lock.acquire();
  assert.equal(inspect(lock), "Lock { locked: true, owner: 'this thread' }");
  const there = await inChild(kind, t, (held: Lock) => String(process.getBuiltinModule('node:util').inspect(held)), lock);
  const owner = kind.separate ? `process ${process.pid}` : 'another thread of this process';
  assert.equal(there, `Lock { locked: true, owner: '${owner}' }`);
  lock.release();
  const child = await startChild(kind, t, (poisoned: Lock) => void poisoned.acquireSync(), [lock]);
  await child.join();
  assert.equal(inspect(lock), 'Lock { locked: false, poisoned: true }');
  await lock.recover();
  lock.release();
});

eachKind('an RLock shows its depth to its owner  [_TestLock.test_repr_rlock] [Y-05]', async (kind, t) => {
  const lock = new RLock();
  lock.acquireSync();
  lock.acquireSync();
  assert.equal(inspect(lock), "RLock { locked: true, owner: 'this thread', depth: 2 }");
  const there = await inChild(kind, t, (held: RLock) => String(process.getBuiltinModule('node:util').inspect(held)), lock);
  assert.match(there, /^RLock \{ locked: true, owner: '(process \d+|another thread of this process)' \}$/);
  lock.release();
  lock.release();
  assert.equal(inspect(lock), 'RLock { locked: false }');
});

eachKind('events, semaphores, conditions and barriers show their state  [_TestEvent.test_repr]', async (kind, t) => {
  const event = new Event();
  assert.equal(inspect(event), 'Event { isSet: false }');
  await inChild(kind, t, (set: Event) => set.set(), event);
  assert.equal(inspect(event), 'Event { isSet: true }');
  assert.equal(inspect(new Semaphore(3)), 'Semaphore { value: 3 }');
  assert.equal(inspect(new BoundedSemaphore(2)), 'BoundedSemaphore { value: 2 }');
  const condition = new Condition(new Lock());
  const wait = condition.run(() => condition.wait());
  await condition.run(() => assert.match(inspect(condition), /^Condition \{ lock: Lock \{ .* \}, waiting: 1 \}$/));
  await condition.run(() => condition.notify());
  await wait;
  const barrier = new Barrier(2);
  const pass = barrier.wait();
  assert.equal(inspect(barrier), 'Barrier { parties: 2, nWaiting: 1, broken: false }');
  await Promise.all([pass, barrier.wait()]);
});

eachKind('values and arrays show what is in them', async (kind, t) => {
  const value = new Value('i', 4);
  await inChild(kind, t, (shared: Value<'i'>) => void shared.add(3), value);
  assert.equal(inspect(value), "Value { code: 'i', value: 7 }");
  assert.equal(inspect(RawValue('q', 5n)), "RawValue { code: 'q', value: 5n }");
  assert.equal(inspect(new SharedArray('h', [1, 2])), "SharedArray { code: 'h', view: Int16Array(2) [ 1, 2 ] }");
  assert.equal(inspect(new Struct({ x: 'd', on: 'bool' }, { init: { x: 1.5 } })), 'Struct { x: 1.5, on: false }');
  assert.equal(inspect(new RawStruct({ id: 'i32' })), 'RawStruct { id: 0 }');
});

eachKind('channels and named memory show their state, also when they are closed', async () => {
  const queue = new Queue<number>(4);
  await queue.put(1);
  assert.equal(inspect(queue), 'Queue { size: 1, maxSize: 4 }');
  assert.equal(inspect({ deep: { down: { there: queue } } }), '{ deep: { down: { there: [Queue] } } }');
  queue.close();
  assert.equal(inspect(queue), 'Queue { closed: true }');
  assert.equal(inspect(new JoinableQueue()), 'JoinableQueue { size: 0 }');
  assert.equal(inspect(new SimpleQueue()), 'SimpleQueue { size: 0 }');
  const [reading, writing] = Pipe({ duplex: false });
  assert.equal(inspect(reading), 'Connection { readable: true, writable: false }');
  reading.close();
  writing.close();
  assert.equal(inspect(reading), 'Connection { closed: true }');
  const memory = new SharedMemory({ create: true, size: 8 });
  assert.equal(inspect(memory), `SharedMemory { name: '${memory.name}', size: 8 }`);
  memory.close();
  memory.unlink();
  assert.equal(inspect(memory), `SharedMemory { name: '${memory.name}', closed: true }`);
  const list = new ShareableList([1, 'ö']);
  assert.match(inspect(list), /^ShareableList \{ shm: SharedMemory \{ .* \}, items: \[ 1, 'ö' \] \}$/);
  list.shm.close();
  assert.match(inspect(list), /^ShareableList \{ shm: SharedMemory \{ .*closed: true \} \}$/);
  list.shm.unlink();
});
